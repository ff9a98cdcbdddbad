/// The endpoints behind one service, put together from all its slices: a value.
///
/// An endpoint may be in two slices while the server moves it, and a pod with two families of addresses is in one slice
/// of each: it is one worker all the same, with its IPv4 address.
public struct EndpointTable: Equatable, Sendable {
    /// A service with more is cut off there.
    public static let maxSlices = 1_000

    public struct Worker: Equatable, Sendable {
        /// The pod's name, or the address where none is told.
        public let id: String
        /// As `SocketAddress` reads it.
        public let address: String
        /// Takes new requests.
        public let isReady: Bool
        /// Was told to end, and finishes what it has.
        public let isLeaving: Bool
        /// A pod, which may be marked as the one to go.
        public let isPod: Bool
    }

    private var slices: [String: EndpointSlice] = [:]

    public init() {}

    public var isEmpty: Bool { self.slices.isEmpty }

    public mutating func replaceAll(_ slices: [EndpointSlice]) {
        self.slices = [:]
        for slice in slices { self.upsert(slice) }
    }

    public mutating func upsert(_ slice: EndpointSlice) {
        guard let name = slice.metadata.name else { return }
        guard self.slices[name] != nil || self.slices.count < Self.maxSlices else { return }
        self.slices[name] = slice
    }

    public mutating func remove(_ name: String) { self.slices[name] = nil }

    /// - Parameter port: its name or number; nil takes the only one that there is.
    public func workers(port: String?) -> (workers: [Worker], problem: String?) {
        var found: [String: Worker] = [:]
        var problem: String?
        for (_, slice) in self.slices.sorted(by: { Self.rank($0.value, $0.key) < Self.rank($1.value, $1.key) }) {
            guard slice.addressType == "IPv4" || slice.addressType == "IPv6" else {
                problem =
                    "slice \(slice.metadata.name ?? "") holds addresses of type \(slice.addressType); only IPv4 "
                    + "and IPv6 can be used"
                continue
            }
            guard let number = Self.port(port, of: slice) else {
                if !(slice.endpoints ?? []).isEmpty { problem = Self.portProblem(port, slice) }
                continue
            }
            for endpoint in slice.endpoints ?? [] {
                guard let worker = Self.worker(endpoint, slice, number) else { continue }
                // The one that is well counts: the other is what the server has not taken away yet.
                if let known = found[worker.id], known.isReady || !worker.isReady { continue }
                found[worker.id] = worker
            }
        }
        return (found.values.sorted { $0.id < $1.id }, problem)
    }

    /// IPv4 first.
    private static func rank(_ slice: EndpointSlice, _ name: String) -> (Int, String) {
        (slice.addressType == "IPv4" ? 0 : 1, name)
    }

    private static func worker(_ endpoint: EndpointSlice.Endpoint, _ slice: EndpointSlice, _ port: Int) -> Worker? {
        guard let host = endpoint.addresses.first else { return nil }
        let address = slice.addressType == "IPv6" ? "[\(host)]:\(port)" : "\(host):\(port)"
        let pod = endpoint.targetRef.flatMap { $0.kind == "Pod" ? $0.name : nil }
        // What is not told is well: so the API's documentation says.
        let isTerminating = endpoint.conditions?.terminating ?? false
        let isReady = endpoint.conditions?.ready ?? true
        let isServing = endpoint.conditions?.serving ?? isReady
        return Worker(
            id: pod ?? address,
            address: address,
            isReady: isReady && !isTerminating,
            isLeaving: isTerminating && isServing,
            isPod: pod != nil
        )
    }

    private static func port(_ wanted: String?, of slice: EndpointSlice) -> Int? {
        let ports = slice.ports ?? []
        guard let wanted else { return ports.count == 1 ? ports[0].port : nil }
        if let number = Int(wanted) {
            // Without a list every port is meant.
            return ports.isEmpty || ports.contains { $0.port == number } ? number : nil
        }
        return ports.first { $0.name == wanted }?.port
    }

    private static func portProblem(_ wanted: String?, _ slice: EndpointSlice) -> String {
        let there = (slice.ports ?? []).prefix(10).map { port in
            [port.name.flatMap { $0.isEmpty ? nil : $0 }, port.port.map { "\($0)" }].compactMap { $0 }
                .joined(separator: " ")
        }
        let list = there.isEmpty ? "none" : there.joined(separator: ", ")
        let what = wanted.map { "there is no port \($0)" } ?? "it is not clear which port is meant"
        return "\(what) behind the service; there are: \(list). Set kubernetes.port to one of them"
    }
}
