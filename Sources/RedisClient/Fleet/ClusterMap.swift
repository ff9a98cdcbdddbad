import Addresses

/// Who holds which slot of a Cluster, as far as is known; and whom to ask about it.
struct ClusterMap {
    typealias Place = RedisEndpoint.Place

    /// A run of slots and their nodes, the master first.
    struct Range: Equatable {
        let first: UInt16
        let last: UInt16
        let nodes: [Place]
    }

    /// More nodes than any Cluster has.
    static let maxNodes = 1_000
    private static let nobody = UInt16.max

    private let seeds: [Place]
    /// Every node of the last answer, masters first.
    private var members: [Place] = []
    /// Masters, by the number that `owners` names them by. Numbers are given anew with each answer.
    private var owned: [Place] = []
    private var owners = [UInt16](repeating: ClusterMap.nobody, count: HashSlot.count)
    private var nextContactIndex = 0

    init(seeds: [Place]) {
        precondition(!seeds.isEmpty, "a Cluster is found by at least one of its nodes")
        self.seeds = seeds
    }

    var isKnown: Bool { !self.owned.isEmpty }
    /// Whether each slot has a master.
    var isWhole: Bool { !self.owners.contains(Self.nobody) }
    var masters: [Place] { self.owned }

    func owner(of slot: UInt16) -> Place? {
        let number = self.owners[Int(slot)]
        return number == Self.nobody ? nil : self.owned[Int(number)]
    }

    /// Takes over a whole answer. Slots that it does not name have no master.
    mutating func learn(_ ranges: [Range]) {
        self.owners = [UInt16](repeating: Self.nobody, count: HashSlot.count)
        self.owned = []
        var replicas: [Place] = []
        for range in ranges {
            guard let master = range.nodes.first, let number = self.number(of: master) else { continue }
            for slot in range.first...range.last { self.owners[Int(slot)] = number }
            replicas += range.nodes.dropFirst()
        }
        self.members = Self.unique(self.owned + replicas)
    }

    /// Takes over what one redirection says. False when that was known.
    mutating func move(_ slot: UInt16, to place: Place) -> Bool {
        guard self.owner(of: slot) != place, let number = self.number(of: place) else { return false }
        self.owners[Int(slot)] = number
        return true
    }

    private mutating func number(of place: Place) -> UInt16? {
        if let known = self.owned.firstIndex(of: place) { return UInt16(known) }
        guard self.owned.count < Self.maxNodes else { return nil }
        self.owned.append(place)
        return UInt16(self.owned.count - 1)
    }

    /// Whom to ask next when nobody is connected: in turn those that were known last, and those of the configuration,
    /// which may be names that lead elsewhere by now.
    mutating func nextContact() -> Place {
        let contacts = Self.unique(self.seeds + self.members)
        defer { self.nextContactIndex += 1 }
        return contacts[self.nextContactIndex % contacts.count]
    }

    private static func unique(_ places: [Place]) -> [Place] {
        var seen: Set<Place> = []
        return places.filter { seen.insert($0).inserted }.prefix(self.maxNodes).map { $0 }
    }

    /// Reads the answer to `CLUSTER SLOTS`; nil when it is none, or names nobody: a node that was reset, or that the
    /// others have forgotten, answers with an empty list, and that is no reason to let go of those who serve. Nodes
    /// without an address are left out.
    static func ranges(_ answer: RedisValue, answerer: Place) -> [Range]? {
        guard let entries = answer.array else { return nil }
        var ranges: [Range] = []
        for entry in entries {
            guard let parts = entry.array, parts.count >= 3, let first = parts[0].integer, let last = parts[1].integer,
                0 <= first, first <= last, last < HashSlot.count
            else { return nil }
            let nodes = parts[2...].compactMap { self.place($0, answerer: answerer) }
            // The master is the first; without its address the range has none.
            guard self.place(parts[2], answerer: answerer) != nil else { continue }
            ranges.append(Range(first: UInt16(first), last: UInt16(last), nodes: nodes))
        }
        return ranges.isEmpty ? nil : ranges
    }

    private static func place(_ node: RedisValue, answerer: Place) -> Place? {
        guard let parts = node.array, parts.count >= 2, let port = parts[1].integer.flatMap({ UInt16(exactly: $0) })
        else { return nil }
        return Place(host: parts[0].text ?? "", port: port, answerer: answerer)
    }
}
