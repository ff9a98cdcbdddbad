import Primitives

/// Finds the longest route for a host and a path. Generic over what a route leads to; costs the same for one route and
/// for a thousand.
///
/// A path is a prefix of whole segments: `/assets` covers `/assets` and `/assets/x`, not `/assetsx`. The longest path
/// wins, then the exact host over any. Routes that are guarded are found in capital letters, too: some servers do not
/// tell `/CHECKOUT` from `/checkout`.
struct RouteTable<Target> {
    struct Entry {
        /// In small letters; nil for any.
        let host: [UInt8]?
        /// Without a slash at its end; empty for `/`.
        let path: [UInt8]
        let target: Target
        /// Which guard stands before it; nil for none.
        let guardedBy: Int?
        /// The path is taken as it is written, whatever else a server might read in it.
        let isExact: Bool

        init(host: String, path: String, target: Target, guardedBy: Int?, isExact: Bool = false) {
            self.host = host == "*" ? nil : Array(host.utf8)
            self.path = path == "/" ? [] : Array(path.utf8)
            self.target = target
            self.guardedBy = guardedBy
            self.isExact = isExact
        }
    }

    private let entries: [Entry]
    /// Open addressing: a slot holds a hash and an index into `entries`, or -1.
    private var slots: [(hash: UInt64, entry: Int32)]
    private let mask: Int
    private let hasHosts: Bool

    /// Of two entries for the same host and path the first counts.
    init(_ entries: [Entry]) {
        self.entries = entries
        var capacity = 8
        while capacity < 2 * entries.count { capacity *= 2 }
        self.mask = capacity - 1
        self.slots = Array(repeating: (0, -1), count: capacity)
        self.hasHosts = entries.contains { $0.host != nil }
        for (index, entry) in entries.enumerated() {
            let start = entry.host.map { $0.withUnsafeBytes { Self.hash(host: $0) } } ?? Self.anyHost
            let hash = entry.path.reduce(start) { Self.hash($0, $1) }
            var slot = Int(truncatingIfNeeded: hash) & self.mask
            while self.slots[slot].entry >= 0 { slot = (slot + 1) & self.mask }
            self.slots[slot] = (hash, Int32(index))
        }
    }

    // MARK: One reading of a path

    /// What one reading of a path comes to, as indices of entries.
    struct Match: Equatable {
        /// The longest entry as it is written.
        var plain: Int?
        /// The longest entry, capital letters taken for small ones.
        var folded: Int?
    }

    /// - Parameter isSent: the path is as it was sent; exact entries take no other.
    func match(host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer, isSent: Bool) -> Match {
        var found = Match()
        var anyHash = Self.anyHost
        var hostHash = self.hasHosts ? Self.hash(host: host) : 0
        var end = 0
        while true {
            if end == 0 || end == path.count || path[end] == 0x2F {
                let prefix = UnsafeRawBufferPointer(rebasing: path[..<end])
                self.look(anyHash, nil, prefix, isSent, &found)
                if self.hasHosts { self.look(hostHash, host, prefix, isSent, &found) }
            }
            guard end < path.count else { return found }
            anyHash = Self.hash(anyHash, path[end])
            if self.hasHosts { hostHash = Self.hash(hostHash, path[end]) }
            end += 1
        }
    }

    /// Longer prefixes are looked up later, and the exact host after any: the last one found is the best.
    @inline(__always)
    private func look(
        _ hash: UInt64,
        _ host: UnsafeRawBufferPointer?,
        _ prefix: UnsafeRawBufferPointer,
        _ isSent: Bool,
        _ found: inout Match
    ) {
        var slot = Int(truncatingIfNeeded: hash) & self.mask
        var plain: Int?
        var folded: Int?
        while self.slots[slot].entry >= 0 {
            if self.slots[slot].hash == hash {
                let index = Int(self.slots[slot].entry)
                let entry = self.entries[index]
                if isSent || !entry.isExact, Self.hostMatches(entry.host, host),
                    Self.equalsIgnoringCase(entry.path, prefix)
                {
                    if plain == nil, entry.path.withUnsafeBytes({ $0.elementsEqual(prefix) }) { plain = index }
                    if folded == nil, plain == index || !entry.isExact { folded = index }
                }
            }
            slot = (slot + 1) & self.mask
        }
        found.plain = plain ?? found.plain
        found.folded = folded ?? found.folded
    }

    private static func hostMatches(_ own: [UInt8]?, _ host: UnsafeRawBufferPointer?) -> Bool {
        guard let own else { return host == nil }
        return host.map { self.equalsIgnoringCase(own, $0) } ?? false
    }

    private static func equalsIgnoringCase(_ own: [UInt8], _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard own.count == bytes.count else { return false }
        for index in own.indices where ASCII.lowercased(own[index]) != ASCII.lowercased(bytes[index]) { return false }
        return true
    }

    // MARK: All readings of a path

    /// What all readings of one path come to together.
    struct Search {
        fileprivate var sent: Int?
        fileprivate var other: Int?
        fileprivate var guarded: Int?
        fileprivate var isAmbiguous = false
        fileprivate var isFirst = true
    }

    enum Finding {
        case route(Target)
        case nothing
        /// Two servers could read the path as leading past two different guards.
        case ambiguous
    }

    /// Takes one more reading in; the first is the path as it was sent. True when no other reading matters.
    func take(host: UnsafeRawBufferPointer, path: UnsafeRawBufferPointer, into search: inout Search) -> Bool {
        self.take(self.match(host: host, path: path, isSent: search.isFirst), into: &search)
    }

    func take(_ match: Match, into search: inout Search) -> Bool {
        if search.isFirst {
            search.isFirst = false
            search.sent = match.plain
            if let plain = match.plain, self.entries[plain].isExact { return true }
        } else if search.other == nil {
            search.other = match.plain
        }
        for case let index? in [match.plain, match.folded] where self.entries[index].guardedBy != nil {
            if let known = search.guarded, self.entries[known].guardedBy != self.entries[index].guardedBy {
                search.isAmbiguous = true
            }
            search.guarded = search.guarded ?? index
        }
        return false
    }

    /// A guard in any reading wins over none.
    func finding(_ search: Search) -> Finding {
        if search.isAmbiguous { return .ambiguous }
        guard let index = search.guarded ?? search.sent ?? search.other else { return .nothing }
        return .route(self.entries[index].target)
    }

    // MARK: Hashing

    /// FNV-1a over small letters; routes are an operator's, so that nobody can choose ones that collide.
    private static var anyHost: UInt64 { 0xcbf2_9ce4_8422_2325 }

    @inline(__always)
    private static func hash(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(ASCII.lowercased(byte))) &* 0x100_0000_01b3
    }

    private static func hash(host: UnsafeRawBufferPointer) -> UInt64 {
        // A NUL, which no path has, between the host and its paths.
        self.hash(host.reduce(self.anyHost &+ 1) { self.hash($0, $1) }, 0)
    }
}

extension RouteTable: Sendable where Target: Sendable {}
extension RouteTable.Entry: Sendable where Target: Sendable {}
