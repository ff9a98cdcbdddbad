import Settings
import SettingsFile

/// One wave of `arrivals:` as it stands in the file. Which keys it may have depends on its `curve`.
struct ArrivalsText: SettingsSection, CustomStringConvertible {
    enum Curve: String, CaseIterable, Sendable {
        case onSale = "on_sale"
        case steady, step, ramp, rates
        case accessLog = "access_log"
    }

    /// Whom a line of an access log stands for.
    enum Counting: String, CaseIterable, Sendable { case clients, requests }

    static let ratePerSecond = 0.0...1_000_000.0

    var curve = Curve.onSale
    // All of a sale.
    var visitors: Int?
    var tickets: Int?
    var peoplePerTicket = 25.0
    var openingSeconds: Double?
    var shareBefore: Double?
    var stepFactor: Double?
    var stepSeconds: Double?
    var decaySeconds: Double?
    // Of waves by rates.
    var fromSeconds = 0.0
    var toSeconds: Double?
    var ratePerSecond: Double?
    var laterRatePerSecond: Double?
    var atSeconds: Double?
    // Of waves from files.
    var file: String?
    var counting = Counting.clients

    static var fields: [SettingsField<Self>] {
        let time = ValueKind<Double>.seconds(0...86_400)
        let rate = ValueKind<Double>.ratePerSecond(Self.ratePerSecond)
        return [
            .value("curve", \.curve, .word, .live),
            .value("visitors", \.visitors, .either("auto", or: .count(1...Scenario.mostVisitors)), .live),
            .value("tickets", \.tickets, .either("null", or: .count(1...Scenario.mostVisitors)), .live),
            .value("people_per_ticket", \.peoplePerTicket, .number(0.1...1000), .live),
            .value("opening", \.openingSeconds, .either("auto", or: time), .live),
            .value("share_before", \.shareBefore, .either("auto", or: .share), .live),
            .value("step", \.stepFactor, .either("auto", or: .number(1...10)), .live),
            .value("step_time", \.stepSeconds, .either("auto", or: .seconds(0.001...86_400)), .live),
            .value("decay", \.decaySeconds, .either("auto", or: .seconds(0.001...86_400)), .live),
            .value("from", \.fromSeconds, time, .live),
            .value("to", \.toSeconds, .either("auto", or: time), .live),
            .value("rate", \.ratePerSecond, .either("null", or: rate), .live),
            .value("later_rate", \.laterRatePerSecond, .either("null", or: rate), .live),
            .value("at", \.atSeconds, .either("auto", or: time), .live),
            .value("file", \.file, .either("null", or: .path), .live),
            .value("count", \.counting, .word, .live),
        ]
    }

    var description: String { self.curve.rawValue }

    /// Keys that mean nothing to a curve are refused: they were meant to do something.
    static func check(_ text: Self, at path: String, _ findings: inout Findings) {
        let sale = [
            ("tickets", text.tickets != nil), ("opening", text.openingSeconds != nil),
            ("share_before", text.shareBefore != nil), ("step", text.stepFactor != nil),
            ("step_time", text.stepSeconds != nil), ("decay", text.decaySeconds != nil),
        ]
        var needed: [(String, Bool)] = []
        var foreign: [(String, Bool)] = []
        switch text.curve {
        case .onSale:
            foreign = [
                ("rate", text.ratePerSecond != nil), ("later_rate", text.laterRatePerSecond != nil),
                ("at", text.atSeconds != nil), ("file", text.file != nil), ("from", text.fromSeconds != 0),
            ]
        case .steady:
            needed = [("rate", text.ratePerSecond != nil)]
            foreign =
                sale + [
                    ("later_rate", text.laterRatePerSecond != nil), ("at", text.atSeconds != nil),
                    ("file", text.file != nil),
                ]
        case .ramp:
            needed = [("rate", text.ratePerSecond != nil), ("later_rate", text.laterRatePerSecond != nil)]
            foreign = sale + [("at", text.atSeconds != nil), ("file", text.file != nil)]
        case .step:
            needed = [("rate", text.ratePerSecond != nil), ("later_rate", text.laterRatePerSecond != nil)]
            foreign = sale + [("file", text.file != nil)]
        case .rates, .accessLog:
            needed = [("file", text.file != nil)]
            foreign =
                sale + [
                    ("rate", text.ratePerSecond != nil), ("later_rate", text.laterRatePerSecond != nil),
                    ("at", text.atSeconds != nil),
                ]
        }
        let curve = text.curve.rawValue
        for (key, isThere) in needed where !isThere && !findings.hasProblem(at: "\(path).\(key)") {
            findings.report(findings.positions[path], "\(path).\(key)", "the curve \(curve) needs this key")
        }
        for (key, isThere) in foreign where isThere {
            findings.reportContradiction(
                "\(path).\(key)",
                with: ["\(path).curve"],
                "the curve \(curve) has no use for this key; take it out, or name another curve"
            )
        }
    }

    /// nil after reporting what does not fit into the run.
    func wave(_ times: WaveTimes, at path: String, _ findings: inout Findings) -> Wave? {
        let wave: Wave?
        switch self.curve {
        case .onSale: wave = self.sale(times)
        case .steady, .step, .ramp: wave = self.byRates(times, at: path, &findings)
        case .rates, .accessLog: wave = self.fromFile(times, at: path, &findings)
        }
        guard var wave else { return nil }
        if let visitors = self.visitors { wave.visitors = visitors }
        guard wave.shape.endSeconds <= times.lengthSeconds * (1 + 1e-9) else {
            let key = self.toSeconds == nil ? path : "\(path).to"
            let end = Format.duration(nanoseconds: Int64(wave.shape.endSeconds * 1e9))
            findings.reportContradiction(
                key,
                with: ["length"],
                "its people come until \(end), after the end of the run"
            )
            return nil
        }
        do throws(ScenarioProblem) {
            try wave.shape.check()
        } catch {
            findings.reportContradiction(path, error.description)
            return nil
        }
        return wave
    }

    private func sale(_ times: WaveTimes) -> Wave {
        var curve = ArrivalCurve.typical(durationSeconds: times.lengthSeconds)
        curve.openingSeconds = self.openingSeconds ?? times.openingSeconds
        let least = curve.openingSeconds == 0 ? 0 : curve.shareBeforeOpening
        curve.shareBeforeOpening = self.shareBefore ?? least
        curve.stepFactor = self.stepFactor ?? curve.stepFactor
        curve.stepSeconds = self.stepSeconds ?? curve.stepSeconds
        curve.decaySeconds = self.decaySeconds ?? curve.decaySeconds
        // People come until long after the decay has done its work, but no longer than the run.
        let later = curve.openingSeconds + max(times.lengthSeconds * 0.38, curve.stepSeconds + 6 * curve.decaySeconds)
        curve.endSeconds = self.toSeconds ?? min(later, times.lengthSeconds)
        let people = self.tickets.map { Int((Double($0) * self.peoplePerTicket).rounded()) } ?? 20_000
        return Wave(visitors: min(people, Scenario.mostVisitors), shape: .sale(curve))
    }

    private func byRates(_ times: WaveTimes, at path: String, _ findings: inout Findings) -> Wave? {
        let (start, end) = (self.fromSeconds, self.toSeconds ?? times.lengthSeconds)
        guard start < end else {
            findings.reportContradiction("\(path).to", with: ["\(path).from"], "must be later than from")
            return nil
        }
        // What is missing has been reported.
        guard let rate = self.ratePerSecond else { return nil }
        guard let later = self.curve == .steady ? rate : self.laterRatePerSecond else { return nil }
        guard rate > 0 || later > 0 else {
            let words = "nobody would come at 0/s: write a higher rate, or take the wave out"
            findings.reportContradiction("\(path).rate", words)
            return nil
        }
        var points = [RateCurve.Point(seconds: start, ratePerSecond: rate)]
        if self.curve == .step {
            let at = self.atSeconds ?? times.openingSeconds
            guard (start...end).contains(at) else {
                findings.reportContradiction("\(path).at", with: ["\(path).to"], "must lie within from and to")
                return nil
            }
            points.append(.init(seconds: at, ratePerSecond: rate))
            points.append(.init(seconds: at, ratePerSecond: later))
        }
        points.append(.init(seconds: end, ratePerSecond: later))
        return self.byRates(RateCurve(points: points))
    }

    private func byRates(_ curve: RateCurve) -> Wave {
        let people = min(curve.area.rounded(), Double(Scenario.mostVisitors))
        return Wave(visitors: Int(max(people, 0)), shape: .rates(curve))
    }

    private func fromFile(_ times: WaveTimes, at path: String, _ findings: inout Findings) -> Wave? {
        guard let file = self.file?.resolved(in: times.folder) else { return nil }
        do {
            let bytes = try SettingsFile.read(file, limit: ScenarioFile.maxDataBytes)
            let end = self.toSeconds
            if let end, end <= self.fromSeconds {
                findings.reportContradiction("\(path).to", with: ["\(path).from"], "must be later than from")
                return nil
            }
            switch self.curve {
            case .rates:
                let table = try RateTable(bytes)
                return self.byRates(table.curve(fromSeconds: self.fromSeconds, toSeconds: end))
            default:
                let log = try AccessLog(bytes, counting: self.counting)
                if let remark = log.damage.remark { times.tell("\(file): \(remark)") }
                let counts = log.counts(fromSeconds: self.fromSeconds, toSeconds: end)
                return Wave(visitors: counts.total, shape: .counts(counts))
            }
        } catch {
            findings.reportContradiction("\(path).file", "\(file): \(error)")
            return nil
        }
    }
}
