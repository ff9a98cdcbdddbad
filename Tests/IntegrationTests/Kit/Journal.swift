/// A room's journal, read with `redis-cli`.
struct Journal {
    struct Exchange {
        let micros: Int64
        let numbers: [Int64]
    }
    var exchanges: [Exchange] = []
    /// `t`, `rate_milli` and `burst`, in order.
    var limits: [(micros: Int64, rateMilli: Int64, burst: Int64)] = []

    /// Of the room `sale`.
    init(_ scene: Scene, socket: String) throws {
        let reply = try scene.run("redis-cli", ["-s", socket, "--raw", "XRANGE", "sluice:{sale}:journal", "-", "+"])
        var entry: [String: String] = [:]
        var name: String?
        for line in reply.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) + ["0-0"] {
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
        guard !self.limits.isEmpty else { throw Disappointment("there is no journal: \(reply.output) \(reply.errors)") }
    }

    private mutating func take(_ entry: [String: String]) throws {
        guard let kind = entry["kind"] else { return }
        guard let micros = entry["t"].flatMap(Int64.init) else { throw Disappointment("a journal entry without time") }
        if kind == "exchange" {
            let grants = (entry["g"] ?? "").split(separator: ",")
            let numbers = grants.compactMap { Int64($0.split(separator: ":")[0]) }
            guard numbers.count == grants.count, !numbers.isEmpty else { throw Disappointment("grants '\(entry)'") }
            self.exchanges.append(Exchange(micros: micros, numbers: numbers))
        } else if let rate = entry["rate_milli"].flatMap(Int64.init), let burst = entry["burst"].flatMap(Int64.init) {
            self.limits.append((micros, rate, burst))
        }
    }

    var numbers: [Int64] { self.exchanges.flatMap(\.numbers) }
    var doubles: [Int64] {
        Dictionary(grouping: self.numbers) { $0 }.filter { $0.value.count > 1 }.map(\.key).sorted()
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
            count += Double(exchange.numbers.count)
            worst = max(worst, count - line - least - Double(burst))
        }
        return worst
    }
}
