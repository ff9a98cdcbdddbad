import HTTPWire
import Primitives

/// Where a request goes: through which room, if any, and to which pool.
final class Route {
    let gate: RoomGate?
    let pool: WorkerPool

    init(gate: RoomGate?, pool: WorkerPool) {
        self.gate = gate
        self.pool = pool
    }
}

/// The routes of one loop, as the settings in force have them.
final class RouteBook {
    var table = RouteTable<Route>([])
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: RouteBook.scratchBytes, alignment: 16)
    private static let scratchBytes = 64 * 1_024

    deinit { self.scratch.deallocate() }

    /// The route of the request in hand: guarded when any server that is known would read its path as guarded.
    func find(_ request: RequestInHand) -> Result<Route, GatewayError> {
        var search = RouteTable<Route>.Search()
        let host = request.host
        let head = request.tools
        let isSettled = self.table.take(host: host, path: request.path, into: &search)
        if !isSettled, !head.requestHead.pathIsPlain(in: request.bytes) {
            let refusal = head.requestHead.forEachReading(in: request.bytes, scratch: self.scratch) { reading in
                _ = self.table.take(host: host, path: reading, into: &search)
            }
            if let refusal { return .failure(.badPath(refusal.description)) }
        }
        switch self.table.finding(search) {
        case .route(let route): return .success(route)
        case .nothing: return .failure(.noRoute)
        case .ambiguous: return .failure(.ambiguousPath)
        }
    }
}
