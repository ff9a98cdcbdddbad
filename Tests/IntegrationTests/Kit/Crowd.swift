/// Visitors who poll, and what must never happen to them.
struct Crowd {
    private(set) var visitors: [Visitor] = []
    /// The place that each was given first.
    private(set) var places: [Int: Place] = [:]
    /// Visitors who lost that place.
    private(set) var moved: [String] = []
    /// Visitors who were inside and were sent back.
    private(set) var expelled: [String] = []
    /// Error pages.
    private(set) var failures: [String] = []
    /// The round in which each was let in.
    private(set) var entries: [Int: Int] = [:]
    private(set) var rounds = 0
    /// Whether each was inside when last seen, at whichever gateway.
    private var inside: [Bool] = []

    /// Spread over these gateways in turn.
    init(ports: [UInt16], count: Int) { self.add(count, ports: ports) }

    mutating func add(_ count: Int, ports: [UInt16]) {
        self.visitors += (0..<count).map { Visitor(port: ports[$0 % ports.count]) }
    }

    /// Everybody takes the cookies along to other gateways.
    mutating func move(to ports: [UInt16]) {
        self.inside = self.visitors.map(\.isIn)
        self.visitors = self.visitors.enumerated().map { $1.copy(port: ports[$0 % ports.count]) }
    }

    /// Where those stand who are not inside.
    var outside: [String] {
        self.visitors.filter { !$0.isIn }.map { "\($0.state) \($0.place.map { "\($0)" } ?? "without a place")" }
    }

    /// Those whom nobody has given a place so far.
    var withoutPlace: [String] {
        self.visitors.indices.filter { self.places[$0] == nil }
            .map { "\($0): \(self.visitors[$0].state), with \(self.visitors[$0].cookies.keys.sorted())" }
    }

    var insideCount: Int { self.visitors.filter(\.isIn).count }
    /// Places that two visitors hold.
    var doubles: [Place] {
        Dictionary(grouping: self.places.values) { $0 }.filter { $0.value.count > 1 }.map(\.key).sorted()
    }

    /// Everybody asks once, all at the same time, and waits for the answer.
    mutating func round() throws { try self.round(of: self.visitors.indices) }

    /// Those who are not inside ask.
    mutating func roundOutside() throws { try self.round(of: self.visitors.indices.filter { !self.visitors[$0].isIn }) }

    /// Those who have no place yet ask.
    mutating func roundWithoutPlace() throws {
        try self.round(of: self.visitors.indices.filter { self.visitors[$0].place == nil })
    }

    private mutating func round(of indices: some Sequence<Int>) throws {
        let indices = Array(indices)
        self.rounds += 1
        self.inside += Array(repeating: false, count: self.visitors.count - self.inside.count)
        for index in indices { try self.visitors[index].ask() }
        for index in indices { self.note(index, try self.visitors[index].readAnswer()) }
    }

    private mutating func note(_ index: Int, _ answer: Answer) {
        let visitor = self.visitors[index]
        if answer.status >= 400 { self.failures.append("\(index): status \(answer.status): \(answer.text)") }
        if self.inside[index], !visitor.isIn { self.expelled.append("\(index): \(visitor.state)") }
        self.inside[index] = visitor.isIn
        if visitor.isIn, self.entries[index] == nil { self.entries[index] = self.rounds }
        guard let place = visitor.place else { return }
        if let known = self.places[index], known != place { self.moved.append("\(index): \(known) -> \(place)") }
        if self.places[index] == nil { self.places[index] = place }
    }

    /// Polls until everybody is inside; in each round those who came last may ask first.
    mutating func enterAll(latestFirst: Bool = false) throws {
        try Patience.wait(for: "everybody to be let in; outside: \(self.outside)") {
            let outside = self.visitors.indices.filter { !self.visitors[$0].isIn }
            try self.round(of: latestFirst ? outside.reversed() : outside)
            return self.insideCount == self.visitors.count
        }
    }
}
