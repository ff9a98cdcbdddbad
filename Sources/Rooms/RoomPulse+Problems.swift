import Admission
import Primitives
import Settings

/// What in a room is not as it should be, for `/readyz`, `/healthz` and `/status` alike: each text says what it is and
/// what to do.
extension RoomPulse {
    /// `generation`: of this gateway's settings.
    public func problems(of room: String, generation: Int64, now: Instant) -> [String] {
        let still = self.standstill(now: now)
        var problems = still.map { [$0] } ?? []
        if still == nil, self.toldMode == .held {
            problems.append("no worker is healthy: nobody is called or let in. Look after the workers")
        }
        if let snapshot = self.snapshot {
            problems += Self.problems(of: snapshot, generation: generation)
            if self.hasConflict { problems.append(Self.conflict(in: snapshot)) }
        } else if still == nil {
            problems.append("the shared state has not answered yet\(self.lastError.map { ": \($0)" } ?? "")")
        }
        return problems.map { "room \(room): \($0)" }
    }

    /// Nil while the room moves on.
    private func standstill(now: Instant) -> String? {
        let isAway = if case .degraded = self.toldMode { true } else { self.missed >= Self.missedTicksWorthTelling }
        guard isAway else { return nil }
        let seconds = now.nanoseconds(since: self.unansweredSince?.now ?? now) / Nanoseconds.perSecond
        let meanwhile = "Meanwhile passes work, places are kept, nobody is let in"
        switch self.lastError {
        case nil: return "the shared state has not answered for \(seconds) s. Look after Redis. \(meanwhile)"
        case .unavailable(let reason), .unanswered(let reason):
            return "the shared state has not answered for \(seconds) s: \(reason). Look after Redis. \(meanwhile)"
        case .notNow(let reason):
            return "Redis has answered with refusals for \(seconds) s: \(reason). Look after Redis. \(meanwhile)"
        case .some(let error):
            return "Redis answers, and the room has stood still for \(seconds) s: \(error). \(meanwhile)"
        }
    }

    /// Both gateways say so: whoever looks at one of them must not think that all is well.
    private static func conflict(in snapshot: RoomSnapshot) -> String {
        let whose =
            snapshot.isConflicting
            ? "those of another one came first and are in force, not this one's" : "those that came first are in force"
        return "two gateways have different limits of the one generation "
            + "\(Settings.text(generation: snapshot.generation)); \(whose). Give both the same file, and save it anew or "
            + "raise its `generation`"
    }

    /// By what is in force in place of this gateway's own.
    private static func advice(_ snapshot: RoomSnapshot) -> String {
        let inForce = "and those of \(Settings.text(generation: snapshot.generation)) are in force"
        if snapshot.generation >= Settings.firstExplicitGeneration {
            return
                "\(inForce), which another gateway has or had. Give this one the same file; if it is the newer one, give "
                + "it a higher `generation`"
        }
        // The shared state keeps the highest that it has heard of, also when the file is long as it should be.
        if snapshot.generation > snapshot.nowMicros {
            return
                "\(inForce), of a file whose time of saving is yet to come; perhaps no gateway has it any more. To save a "
                + "file anew does not help before that time. Write `generation: 1` into the file of every gateway: a count "
                + "outranks all times"
        }
        return
            "\(inForce), which another gateway has or had. Give this one the same file; if it is the newer one, touch it, "
            + "or give it a `generation`"
    }

    private static func problems(of snapshot: RoomSnapshot, generation: Int64) -> [String] {
        var problems: [String] = []
        if snapshot.isGenerationIgnored {
            problems.append(
                "the limits of this gateway's file are ignored: it is of generation \(Settings.text(generation: generation)), "
                    + self.advice(snapshot)
            )
        }
        if snapshot.allowedMilli != nil, snapshot.allowedUntilMicros <= snapshot.nowMicros {
            problems.append(
                "no controller renews the rate: the fallback is in force, at most \(snapshot.rateMilli / 1_000)/s. Look "
                    + "after the controller"
            )
        }
        return problems
    }
}
