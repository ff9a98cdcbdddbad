import TestKit
import Testing

@testable import Gateway

@Suite struct RouteTableTests {
    private static let yaml = """
        pools: {web: {driver: static, workers: [127.0.0.1:1]}, cdn: {driver: static, workers: [127.0.0.1:2]}}
        rooms: {sale: {slots: 1, inflow: 1/s}, vip: {slots: 1, inflow: 1/s}}
        routes:
          - {path: /, pool: web, room: sale}
          - {path: /assets, pool: cdn}
          - {path: /assets/private, pool: web, room: sale}
          - {host: vip.test, path: /, pool: web, room: vip}
          - {host: vip.test, path: /assets, pool: web}

        """

    /// `pool` or `pool+room` for a request, as the gateway finds it.
    private func find(host: String = "a.test", _ path: String) throws -> String? {
        let fixture = try LoopFixture()
        defer { try? fixture.end() }
        return try fixture.run {
            let rig = try EdgeRig(fixture, yaml: Self.yaml)
            let bytes = Array(path.utf8)
            let route = Array(host.utf8).withUnsafeBytes { host in
                bytes.withUnsafeBytes { rig.edge.routes.find(host: host, path: $0) }
            }
            return route.map { $0.pool.name + ($0.gate.map { "+\($0.name)" } ?? "") }
        }
    }

    @Test func find_severalFit_longestPathWins() throws {
        #expect(try self.find("/") == "web+sale")
        #expect(try self.find("/buy/now") == "web+sale")
        #expect(try self.find("/assets/a.css") == "cdn")
        #expect(try self.find("/assets/private/a") == "web+sale")
    }

    @Test func find_pathsAreWholeSegments() throws {
        #expect(try self.find("/assets") == "cdn")
        #expect(try self.find("/assetsx") == "web+sale")
        #expect(try self.find("/assets/privatex") == "cdn")
        #expect(try self.find("/ASSETS/a") == "web+sale")
    }

    @Test func find_hostGiven_exactOneBeatsAny() throws {
        #expect(try self.find(host: "vip.test", "/") == "web+vip")
        #expect(try self.find(host: "VIP.test", "/x") == "web+vip")
        #expect(try self.find(host: "vip.test", "/assets/a") == "web")
        #expect(try self.find(host: "xvip.test", "/") == "web+sale")
        // The longer path of any host still comes before the shorter one of this host.
        #expect(try self.find(host: "vip.test", "/assets/private/a") == "web+sale")
    }

    /// What is sent and what a worker may make of it: a room on either holds the visitor.
    @Test func find_sentAndMeantDiffer_roomOnEitherCounts() throws {
        let fixture = try LoopFixture()
        defer { try? fixture.end() }
        let cases: [(sent: String, meant: String, gate: String?)] = [
            ("/assets/../checkout", "/checkout", "sale"),
            ("/assets/%2e%2e/checkout", "/checkout", "sale"),
            ("/buy/../assets/a", "/assets/a", "sale"),
            ("/assets/./a", "/assets/a", nil),
            ("/assets//a", "/assets/a", nil),
        ]
        for entry in cases {
            let gate = try fixture.run {
                let table = try EdgeRig(fixture, yaml: Self.yaml).edge.routes
                return Array(entry.sent.utf8).withUnsafeBytes { sent in
                    Array(entry.meant.utf8).withUnsafeBytes { meant in
                        table.find(host: sent, path: sent, resolved: meant)?.gate?.name
                    }
                }
            }
            #expect(gate == entry.gate, "\(entry.sent)")
        }
    }
}
