import Primitives
import Settings

/// Where a request goes: through which room, if any, and to which pool.
final class Route {
    /// Nil: the host does not matter.
    fileprivate let host: [UInt8]?
    fileprivate let path: [UInt8]
    let gate: RoomGate?
    let pool: WorkerPool

    init(host: String, path: String, gate: RoomGate?, pool: WorkerPool) {
        self.host = host == "*" ? nil : Array(host.utf8)
        // `/` is a prefix of everything; other paths are whole segments.
        self.path = path == "/" ? [] : Array(path.utf8)
        self.gate = gate
        self.pool = pool
    }

    fileprivate func matches(host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) -> Bool {
        guard path.count >= self.path.count else { return false }
        for index in 0..<self.path.count where self.path[index] != path[index] { return false }
        // `/assets` covers `/assets` and `/assets/x`, not `/assetsx`.
        if !self.path.isEmpty, path.count > self.path.count, path[self.path.count] != 0x2F { return false }
        guard let own = self.host else { return true }
        return ASCII.equalsIgnoringCase(host, own)
    }
}

/// The routes of one loop. The longest path wins, then the exact host over any.
///
/// A list, because an on-sale's gateway has a handful of routes; a trie is the structure for thousands.
final class RouteTable {
    private let routes: [Route]

    init(_ routes: [Route]) {
        self.routes = routes.enumerated().sorted { left, right in
            let (first, second) = (left.element, right.element)
            if first.path.count != second.path.count { return first.path.count > second.path.count }
            if (first.host == nil) != (second.host == nil) { return first.host != nil }
            return left.offset < right.offset
        }.map(\.element)
    }

    func find(host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer) -> Route? {
        for route in self.routes where route.matches(host: host, path: path) { return route }
        return nil
    }

    /// For a path that a worker may read as another one: looked up as it was sent and as `resolved`, and a room on
    /// either wins. Nobody walks around a room with `/assets/../checkout`.
    func find(
        host: UnsafeRawBufferPointer,
        path: UnsafeRawBufferPointer,
        resolved: UnsafeRawBufferPointer
    ) -> Route? {
        let sent = self.find(host: host, path: path)
        guard sent?.gate == nil else { return sent }
        let meant = self.find(host: host, path: resolved)
        return meant?.gate == nil ? sent ?? meant : meant
    }
}

extension ASCII {
    fileprivate static func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ lowercase: [UInt8]) -> Bool {
        guard bytes.count == lowercase.count else { return false }
        for index in 0..<bytes.count where self.lowercased(bytes[index]) != lowercase[index] { return false }
        return true
    }
}
