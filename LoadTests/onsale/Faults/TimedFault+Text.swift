import Foundation

/// How a fault is written, on the command line and in a scenario.
extension TimedFault: CustomStringConvertible {
    static let grammar = """
        "30s kill worker", "30s kill gateway for 3s" (started again after 3s; also controller and redis), \
        "30s stop redis for 5s", "30s slow worker for 10s", "30s errors 10% for 20s" (of what workers are asked for), \
        "30s limits inflow=50/s burst=10 slots=200" (one or more of them), "30s reload", "30s join gateway"
        """
    static let defaultDownSeconds = 2.0
    static let defaultStopSeconds = 5.0
    static let defaultSlowSeconds = 10.0
    static let defaultErrorSeconds = 10.0
    static let mostSeconds = 600.0
    private static let verbs = ["kill", "stop", "slow", "errors", "limits", "reload", "join"]

    init(parsing text: String) throws(FaultProblem) {
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        guard let first = words.first, let seconds = Self.seconds(first) else {
            throw FaultProblem(text, "begins with the time in the run, such as 30s, 500ms or 1m: \(Self.grammar)")
        }
        guard words.count > 1 else { throw FaultProblem(text, "does nothing; write \(Self.grammar)") }
        let rest = Array(words.dropFirst(2))
        self.seconds = seconds
        switch words[1] {
        case "kill": self.action = try Self.kill(rest, text)
        case "stop":
            let (victim, seconds) = try Self.victim(rest, text, defaultSeconds: Self.defaultStopSeconds)
            self.action = .stop(victim, seconds: seconds)
        case "slow":
            let (victim, seconds) = try Self.victim(rest, text, defaultSeconds: Self.defaultSlowSeconds)
            self.action = .slow(victim, seconds: seconds)
        case "errors": self.action = try Self.errors(rest, text)
        case "limits": self.action = try Self.limits(rest, text)
        case "reload" where rest.isEmpty: self.action = .reload
        case "join" where rest == ["gateway"]: self.action = .joinGateway
        case "reload", "join": throw FaultProblem(text, "write \(seconds)s reload, or \(seconds)s join gateway")
        default:
            let known = Self.verbs.joined(separator: ", ")
            throw FaultProblem(text, "\(words[1]) is not something to do; known are \(known)")
        }
    }

    private static func kill(_ words: [String], _ text: String) throws(FaultProblem) -> Action {
        let (victim, seconds) = try Self.victim(words, text, defaultSeconds: Self.defaultDownSeconds)
        guard victim != .worker || words.count == 1 else {
            throw FaultProblem(text, "a worker is started again by its controller, so there is no time to give")
        }
        return .kill(victim, downSeconds: victim == .worker ? 0 : seconds)
    }

    /// `NAME` or `NAME for TIME`.
    private static func victim(
        _ words: [String],
        _ text: String,
        defaultSeconds: Double
    ) throws(FaultProblem) -> (Victim, Double) {
        let names = Victim.allCases.map(\.rawValue).joined(separator: ", ")
        guard let name = words.first, let victim = Victim(rawValue: name.lowercased()) else {
            throw FaultProblem(text, "whom? Write one of \(names)")
        }
        let seconds = try Self.length(words, text)
        return (victim, seconds ?? defaultSeconds)
    }

    /// `for TIME` behind the first word; nil: there is nothing.
    private static func length(_ words: [String], _ text: String) throws(FaultProblem) -> Double? {
        if words.count == 1 { return nil }
        guard words.count == 3, words[1] == "for", let seconds = Self.seconds(words[2]) else {
            throw FaultProblem(text, "write nothing behind \(words[0]), or how long: for 5s")
        }
        guard (0.1...Self.mostSeconds).contains(seconds) else {
            throw FaultProblem(text, "\(words[2]) is not between 100ms and \(Format.decimal(Self.mostSeconds))s")
        }
        return seconds
    }

    /// `10%`, or `10% for TIME`.
    private static func errors(_ words: [String], _ text: String) throws(FaultProblem) -> Action {
        guard let share = words.first, share.hasSuffix("%"), let percent = Double(share.dropLast()),
            (0.1...100).contains(percent)
        else { throw FaultProblem(text, "of how many requests? Write 0.1% to 100%, such as errors 10% for 20s") }
        let seconds = try Self.length(words, text)
        return .errors(permille: Int((percent * 10).rounded()), seconds: seconds ?? Self.defaultErrorSeconds)
    }

    /// As it is written: `10%`, `2.5%`.
    private static func percent(_ permille: Int) -> String {
        let tenths = permille % 10
        return "\(permille / 10)\(tenths == 0 ? "" : ".\(tenths)")%"
    }

    private static func limits(_ words: [String], _ text: String) throws(FaultProblem) -> Action {
        let form = "write one or more of inflow=50/s, burst=10 and slots=200"
        guard !words.isEmpty else { throw FaultProblem(text, form) }
        var (inflow, burst, slots): (Int64?, Int?, Int?)
        // All that is wrong at once: whoever mends one would meet the next.
        var problems: [String] = []
        for word in words {
            let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                problems.append("\(word) is no limit; \(form)")
                continue
            }
            switch parts[0] {
            case "inflow":
                inflow = Self.inflowMilli(parts[1])
                if inflow == nil { problems.append("inflow=\(parts[1]) is not 0.001/s to 100000/s") }
            case "burst":
                burst = Int(parts[1]).flatMap { (1...1_000_000).contains($0) ? $0 : nil }
                if burst == nil { problems.append("burst=\(parts[1]) is not 1 to 1000000") }
            case "slots":
                slots = Int(parts[1]).flatMap { (1...10_000_000).contains($0) ? $0 : nil }
                if slots == nil { problems.append("slots=\(parts[1]) is not 1 to 10000000") }
            default: problems.append("\(parts[0]) is no limit that can be changed; \(form)")
            }
        }
        guard problems.isEmpty else { throw FaultProblem(text, problems.joined(separator: "; ")) }
        return .limits(inflowMilli: inflow, burst: burst, slots: slots)
    }

    private static func inflowMilli(_ text: String) -> Int64? {
        guard text.hasSuffix("/s"), let rate = Double(text.dropLast(2)), (0.001...100_000).contains(rate) else {
            return nil
        }
        return Int64((rate * 1000).rounded())
    }

    /// `30s`, `500ms`, `1.5m`.
    private static func seconds(_ text: String) -> Double? {
        let units: [(name: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60)]
        for unit in units where text.hasSuffix(unit.name) {
            guard let count = Double(text.dropLast(unit.name.count)), count >= 0, count.isFinite, count < 1e6 else {
                continue
            }
            return count * unit.seconds
        }
        return nil
    }

    /// What was or will be done, without the time.
    var deed: String {
        func span(_ seconds: Double) -> String { "\(Format.decimal(seconds)) s" }
        switch self.action {
        case .kill(.worker, _): return "a worker is killed"
        case .kill(let victim, let seconds):
            return "\(victim.words) is killed, and started again after \(span(seconds))"
        case .stop(let victim, let seconds): return "\(victim.words) stands still for \(span(seconds))"
        case .slow(let victim, let seconds): return "\(victim.words) is slow for \(span(seconds))"
        case .errors(let permille, let seconds):
            return "workers answer \(Self.percent(permille)) of the requests with 500 for \(span(seconds))"
        case .limits(let inflow, let burst, let slots):
            let parts = [
                inflow.map { "inflow \(SandboxedFile.rate($0))" }, burst.map { "burst \($0)" },
                slots.map { "slots \($0)" },
            ]
            return "limits: " + parts.compactMap(\.self).joined(separator: ", ")
        case .reload: return "the configuration is read again"
        case .joinGateway: return "a second gateway joins"
        }
    }

    var description: String { "\(Format.decimal(self.seconds)) s: \(self.deed)" }

    /// As it is written; read again it is the same.
    var text: String {
        func span(_ seconds: Double) -> String {
            let milliseconds = Int64((seconds * 1000).rounded())
            return milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds)ms"
        }
        let deed: String
        switch self.action {
        case .kill(.worker, _): deed = "kill worker"
        case .kill(let victim, let seconds): deed = "kill \(victim.rawValue) for \(span(seconds))"
        case .stop(let victim, let seconds): deed = "stop \(victim.rawValue) for \(span(seconds))"
        case .slow(let victim, let seconds): deed = "slow \(victim.rawValue) for \(span(seconds))"
        case .errors(let permille, let seconds): deed = "errors \(Self.percent(permille)) for \(span(seconds))"
        case .limits(let inflow, let burst, let slots):
            let parts = [
                inflow.map { "inflow=\(SandboxedFile.rate($0))" }, burst.map { "burst=\($0)" },
                slots.map { "slots=\($0)" },
            ]
            deed = "limits " + parts.compactMap(\.self).joined(separator: " ")
        case .reload: deed = "reload"
        case .joinGateway: deed = "join gateway"
        }
        return "\(span(self.seconds)) \(deed)"
    }
}

/// In a report a fault is its text.
extension TimedFault: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            try self.init(parsing: container.decode(String.self))
        } catch let problem as FaultProblem {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "\(problem)")
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.text)
    }
}
