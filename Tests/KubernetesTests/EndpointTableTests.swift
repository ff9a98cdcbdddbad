import Kubernetes
import Testing

@Suite struct EndpointTableTests {
    private typealias Endpoint = EndpointSlice.Endpoint

    private func slice(
        _ name: String,
        type: String = "IPv4",
        ports: [EndpointSlice.Port] = [.init(name: "http", port: 8080)],
        _ endpoints: [(address: String, pod: String?, Endpoint.Conditions?)]
    ) -> EndpointSlice {
        EndpointSlice(
            metadata: ObjectMeta(name: name),
            addressType: type,
            endpoints: endpoints.map { address, pod, conditions in
                Endpoint(
                    addresses: [address],
                    conditions: conditions,
                    targetRef: pod.map { .init(kind: "Pod", name: $0) }
                )
            },
            ports: ports
        )
    }

    private func table(_ slices: EndpointSlice...) -> EndpointTable {
        var table = EndpointTable()
        table.replaceAll(slices)
        return table
    }

    private func words(_ table: EndpointTable, port: String? = nil) -> [String] {
        table.workers(port: port).workers.map {
            "\($0.id) \($0.address) \($0.isReady ? "ready" : $0.isLeaving ? "leaving" : "starting")"
        }
    }

    /// By the table of the API's documentation: what is not told is well.
    @Test func conditions_areReadAsDocumented() {
        let cases: [(Endpoint.Conditions?, String)] = [
            (nil, "ready"), (.init(), "ready"), (.init(ready: true, serving: true, terminating: false), "ready"),
            (.init(ready: false, serving: false, terminating: false), "starting"),
            (.init(ready: false, serving: true, terminating: true), "leaving"),
            (.init(ready: false, serving: false, terminating: true), "starting"),
            // A service that publishes addresses that are not ready says ready of one that ends.
            (.init(ready: true, serving: true, terminating: true), "leaving"), (.init(ready: false), "starting"),
        ]
        for (conditions, word) in cases {
            let table = self.table(self.slice("a", [("10.0.0.1", "p", conditions)]))
            #expect(self.words(table) == ["p 10.0.0.1:8080 \(word)"], "\(String(describing: conditions))")
        }
    }

    @Test func slices_several_comeAndGo() {
        var table = self.table(self.slice("a", [("10.0.0.1", "p1", nil)]), self.slice("b", [("10.0.0.2", "p2", nil)]))
        #expect(self.words(table).count == 2)
        table.upsert(self.slice("b", [("10.0.0.3", "p3", nil), ("10.0.0.4", nil, nil)]))
        #expect(
            self.words(table) == [
                "10.0.0.4:8080 10.0.0.4:8080 ready", "p1 10.0.0.1:8080 ready", "p3 10.0.0.3:8080 ready",
            ]
        )
        table.remove("a")
        #expect(self.words(table).count == 2)
        table.replaceAll([])
        #expect(self.words(table).isEmpty && table.isEmpty)
    }

    /// The server may write the new place before it takes the old one away.
    @Test func endpoint_inTwoSlices_isOneAndWellWhenOneSaysSo() {
        let old = self.slice("a", [("10.0.0.1", "p", .init(ready: false, serving: false))])
        let new = self.slice("b", [("10.0.0.1", "p", nil)])
        #expect(self.words(self.table(old, new)) == ["p 10.0.0.1:8080 ready"])
        #expect(self.words(self.table(new, old)) == ["p 10.0.0.1:8080 ready"])
    }

    @Test func families_two_oneWorkerByIPv4() {
        let six = self.slice("a", type: "IPv6", [("2001:db8::1", "p", nil)])
        let four = self.slice("b", [("10.0.0.1", "p", nil)])
        #expect(self.words(self.table(six, four)) == ["p 10.0.0.1:8080 ready"])
        #expect(self.words(self.table(six)) == ["p [2001:db8::1]:8080 ready"])
        let named = self.table(self.slice("c", type: "FQDN", [("example.org", nil, nil)]))
        #expect(named.workers(port: nil).workers.isEmpty && named.workers(port: nil).problem?.contains("FQDN") == true)
    }

    @Test func port_byNameOrNumber_orToldWhatThereIs() {
        let ports: [EndpointSlice.Port] = [.init(name: "http", port: 8080), .init(name: "admin", port: 9090)]
        let table = self.table(self.slice("a", ports: ports, [("10.0.0.1", "p", nil)]))
        #expect(self.words(table, port: "admin") == ["p 10.0.0.1:9090 ready"])
        #expect(self.words(table, port: "8080") == ["p 10.0.0.1:8080 ready"])
        for port in [nil, "https", "81"] as [String?] {
            let (workers, problem) = table.workers(port: port)
            #expect(workers.isEmpty && problem?.contains("http 8080, admin 9090") == true, "\(port ?? "none")")
        }
    }
}
