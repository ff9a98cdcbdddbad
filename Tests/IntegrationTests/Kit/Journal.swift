import TestKit

/// A room's journal, read with `redis-cli`.
struct Journal {
    struct Grant {
        let number, doorWaitMicros: Int64
    }
    struct Exchange {
        let micros: Int64
        let grants: [Grant]
    }
    var exchanges: [Exchange] = []
    /// `t`, `rate_milli` and `burst`, in order.
    var limits: [(micros: Int64, rateMilli: Int64, burst: Int64)] = []

    /// Of the room `sale`.
    init(_ scene: Scene, socket: String) throws {
        let reply = try scene.run("redis-cli", ["-s", socket, "--raw", "XRANGE", "sluice:{sale}:journal", "-", "+"])
        try self.init(lines: reply.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
    }

    /// From a server of a fleet.
    init(_ node: RedisFleetNode) throws {
        try self.init(lines: Self.flat(try node.order("XRANGE", "sluice:{sale}:journal", "-", "+")))
    }

    private static func flat(_ reply: RedisFleetReply) -> [String] {
        reply.text.map { [$0] } ?? reply.array.flatMap { self.flat($0) }
    }

    private init(lines: [String]) throws {
        var entry: [String: String] = [:]
        var name: String?
        for line in lines + ["0-0"] {
            if line.split(separator: "-").count == 2, line.allSatisfy({ $0.isNumber || $0 == "-" }) {
                try self.take(entry)
                (entry, name) = ([:], nil)
            } else if let open = name {
                entry[open] = line
                name = nil
            } else {
                name = line
            }
        }
        guard !self.limits.isEmpty || !self.exchanges.isEmpty else {
            throw Disappointment("there is no journal: \(lines.prefix(20))")
        }
    }

    private mutating func take(_ entry: [String: String]) throws {
        guard let kind = entry["kind"] else { return }
        guard let micros = entry["t"].flatMap(Int64.init) else { throw Disappointment("a journal entry without time") }
        if kind == "exchange" {
            let grants = try (entry["g"] ?? "").split(separator: ",").map { text in
                let parts = text.split(separator: ":").compactMap { Int64($0) }
                guard parts.count == 2 else { throw Disappointment("the grant '\(text)'") }
                return Grant(number: parts[0], doorWaitMicros: parts[1])
            }
            self.exchanges.append(Exchange(micros: micros, grants: grants))
        } else if let rate = entry["rate_milli"].flatMap(Int64.init), let burst = entry["burst"].flatMap(Int64.init) {
            self.limits.append((micros, rate, burst))
        }
    }

    var numbers: [Int64] { self.exchanges.flatMap { $0.grants.map(\.number) } }
    var doubles: [Int64] {
        Dictionary(grouping: self.numbers) { $0 }.filter { $0.value.count > 1 }.map(\.key).sorted()
    }

    /// Visitors who stood at the door while a higher place was let in, more than one tick after they had come there:
    /// the one and the other number.
    func inversions(tickMicros: Int64 = 100_000) -> [(kept: Int64, passedBy: Int64)] {
        var found: [(kept: Int64, passedBy: Int64)] = []
        for (index, exchange) in self.exchanges.enumerated() {
            for grant in exchange.grants {
                let since = exchange.micros - grant.doorWaitMicros + tickMicros
                // Later exchanges cannot have passed this one by; earlier ones are looked at back to its arrival.
                for earlier in self.exchanges[..<index].reversed() where earlier.micros > since {
                    for other in earlier.grants where other.number > grant.number {
                        found.append((grant.number, other.number))
                    }
                }
            }
        }
        return found
    }

    /// The worst window: how many more were let in than `burst` and `rateMilli` allow within any window. At most zero
    /// when the limits held.
    func worstExcess(rateMilli: Int64, burst: Int64) -> Double {
        var worst = -Double.infinity
        // With A(i) = arrivals up to i - rate x time, the excess of a window is a difference of two of them: one pass
        // that remembers the least so far finds the largest.
        var least = Double.infinity
        var count = 0.0
        guard let start = self.exchanges.first?.micros else { return -Double(burst) }
        for exchange in self.exchanges {
            let line = Double(exchange.micros - start) * Double(rateMilli) / 1e9
            least = min(least, count - line)
            count += Double(exchange.grants.count)
            worst = max(worst, count - line - least - Double(burst))
        }
        return worst
    }
}
