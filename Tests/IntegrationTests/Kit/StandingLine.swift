/// People in the line of the room `sale`: those at its front ask again and again, as browsers do, and go in when it is
/// their turn. Whoever is in has made the one request of the visit.
struct StandingLine {
    /// How many join at once at most: more connections at the same moment than a listener keeps would be made to wait.
    private static let step = 50

    private let port: UInt16
    /// So many of the first in line ask: more than are ever called at the same time.
    private let front: Int
    /// In the order of their coming, which is that of their numbers.
    private var outside: [Visitor] = []
    private(set) var joined = 0
    private(set) var entered = 0
    /// Error pages.
    private(set) var failures: [String] = []

    init(port: UInt16, front: Int = 60) {
        self.port = port
        self.front = front
    }

    var length: Int { self.outside.count }

    /// So many more come.
    mutating func join(_ count: Int) throws {
        var left = count
        while left > 0 {
            let newcomers = (0..<min(left, Self.step)).map { _ in Visitor(port: self.port) }
            left -= newcomers.count
            for visitor in newcomers { try visitor.ask() }
            for visitor in newcomers { try self.note(visitor) }
            // Most of them will not ask for long.
            for visitor in newcomers { visitor.disconnect() }
            self.joined += newcomers.count
            self.outside += newcomers.filter { !$0.isIn }
        }
    }

    /// Those at the front ask once, all at the same time, and wait for the answer.
    mutating func round() throws {
        let asking = self.outside.prefix(self.front)
        for visitor in asking { try visitor.ask() }
        for visitor in asking { try self.note(visitor) }
        self.outside.removeAll(where: \.isIn)
    }

    private mutating func note(_ visitor: Visitor) throws {
        let answer = try visitor.readAnswer()
        if answer.status >= 400 { self.failures.append("status \(answer.status): \(answer.text)") }
        if visitor.isIn { self.entered += 1 }
    }
}
