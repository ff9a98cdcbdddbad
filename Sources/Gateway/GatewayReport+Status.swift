import Admission
import Reports
import Settings

/// A gateway as `/status` shows it, and what in it is not as it should be.
extension GatewayReport {
    public var status: GatewayStatus {
        GatewayStatus(
            connections: self.counters.connectionsOpen,
            requests: self.counters.requests,
            rooms: self.rooms.map { room in
                GatewayStatus.Room(
                    name: room.name,
                    standing: room.snapshot.map { self.standing($0, room) },
                    mode: room.mode.text
                )
            },
            pools: self.pools.map { pool in
                GatewayStatus.Pool(
                    name: pool.name,
                    readyWorkers: pool.readyWorkers,
                    inFlight: pool.inFlight,
                    queued: pool.queued
                )
            },
            mode: self.mode
        )
    }

    /// The worst mode of the rooms.
    private var mode: String {
        let words = self.rooms.map(\.mode.text)
        return ["degraded", "held"].first(where: words.contains) ?? "normal"
    }

    private func standing(_ snapshot: RoomSnapshot, _ room: Room) -> GatewayStatus.Standing {
        GatewayStatus.Standing(
            open: snapshot.isOpen,
            epoch: snapshot.epoch,
            issued: snapshot.issued,
            serving: snapshot.serving,
            waiting: snapshot.waiting,
            door: snapshot.door,
            admitted: snapshot.admitted,
            sessions: snapshot.sessions,
            slots: snapshot.slots,
            rateMilli: snapshot.rateMilli,
            burst: snapshot.burst,
            showUpPermille: snapshot.showUpPermille,
            record: self.record(snapshot, room)
        )
    }

    private func record(_ snapshot: RoomSnapshot, _ room: Room) -> GatewayStatus.Record {
        GatewayStatus.Record(
            incarnation: snapshot.incarnation,
            generation: snapshot.generation,
            ownGeneration: self.generation,
            generationIgnored: snapshot.isGenerationIgnored,
            limitsConflict: snapshot.isConflicting,
            ignoredLimits: snapshot.ignoredLimits,
            conflicts: snapshot.conflicts,
            allowedRateMilli: snapshot.allowedMilli,
            allowedForMs: max(0, snapshot.allowedUntilMicros - snapshot.nowMicros) / 1_000,
            lostSessions: snapshot.lostSessions,
            skipped: snapshot.gaps.reduce(0) { $0 + Int64($1.count) },
            gaps: snapshot.gaps.count,
            olderLines: snapshot.older.map {
                GatewayStatus.OlderLine(epoch: $0.epoch, issued: $0.issued, serving: $0.serving)
            },
            journalEntries: snapshot.journalEntries,
            journalTrimmed: snapshot.journalTrimmed,
            journalKeepEntries: Int64(room.settings?.journalEntries ?? 0),
            journalKeepSeconds: (room.settings?.journalMicros ?? 0) / 1_000_000
        )
    }

    // MARK: What is not as it should be

    /// Each says what it is and what to do.
    public var problems: [String] { self.rooms.flatMap(self.problems) }

    private func problems(_ room: Room) -> [String] {
        var problems: [String] = []
        switch room.mode {
        case .normal: break
        case .degraded(let since):
            let seconds = max(0, self.wallMicros - since) / 1_000_000
            problems.append(
                "the shared state has not answered for \(seconds) s: passes work, places are kept, nobody is let in. "
                    + "Look after Redis"
            )
        case .held: problems.append("no worker is healthy: nobody is called or let in. Look after the workers")
        }
        guard let snapshot = room.snapshot else { return problems.map { "room \(room.name): \($0)" } }
        if snapshot.isGenerationIgnored {
            problems.append(
                "the limits of this gateway's file are ignored: it is of generation \(self.generation), and another gateway "
                    + "has \(snapshot.generation). Give this one the same file; if it is the newer one, touch it, or give it "
                    + "a higher `generation`"
            )
        }
        if snapshot.isConflicting {
            problems.append(
                "two gateways have different limits of the one generation \(snapshot.generation); those that came first "
                    + "are in force. Give both the same file, and raise its `generation`"
            )
        }
        if snapshot.allowedMilli != nil, snapshot.allowedUntilMicros <= snapshot.nowMicros {
            problems.append(
                "no controller renews the rate: the fallback is in force, at most \(snapshot.rateMilli / 1_000)/s. Look "
                    + "after the controller"
            )
        }
        return problems.map { "room \(room.name): \($0)" }
    }
}
