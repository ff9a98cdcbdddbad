import Admission
import Primitives
import Reports
import Rooms
import Settings

/// A gateway as `/status` shows it.
extension GatewayReport {
    public var status: GatewayStatus {
        GatewayStatus(
            connections: self.counters.connectionsOpen,
            requests: self.counters.requests,
            rooms: self.rooms.map { room in
                GatewayStatus.Room(
                    name: room.name,
                    standing: room.snapshot.map { self.standing($0, room) },
                    mode: room.mode.text,
                    asOf: room.asOf.map { RFC3339.text(wallMicros: $0.wallMicros, fraction: .millis) },
                    ageMs: room.asOf.map { $0.ageNanoseconds / Nanoseconds.perMillisecond }
                )
            },
            pools: self.pools.map { pool in
                GatewayStatus.Pool(
                    name: pool.name,
                    readyWorkers: pool.readyWorkers,
                    inFlight: pool.inFlight,
                    queued: pool.queued,
                    tunnels: pool.tunnels,
                    failing: pool.failing.map {
                        GatewayStatus.Failing(
                            worker: $0.worker,
                            failure: $0.failure,
                            sinceMs: $0.sinceNanoseconds / Nanoseconds.perMillisecond,
                            passedBy: $0.isPassedBy,
                            detail: $0.detail
                        )
                    }
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
            waiting: snapshot.shownWaiting,
            door: snapshot.door,
            admitted: snapshot.admitted,
            sessions: snapshot.sessions,
            slots: snapshot.slots,
            rateMilli: snapshot.rateMilli,
            rateIsLapsed: room.hasLapsed ? true : nil,
            burst: snapshot.burst,
            showUpPermille: snapshot.showUpPermille,
            record: self.record(snapshot, room)
        )
    }

    private func record(_ snapshot: RoomSnapshot, _ room: Room) -> GatewayStatus.Record {
        GatewayStatus.Record(
            incarnation: snapshot.incarnation,
            generation: GatewayStatus.Generation(Settings.text(generation: snapshot.generation)),
            ownGeneration: GatewayStatus.Generation(Settings.text(generation: self.generation)),
            generationIgnored: snapshot.isGenerationIgnored,
            limitsConflict: room.hasConflict,
            ignoredLimits: snapshot.ignoredLimits,
            conflicts: snapshot.conflicts,
            allowedRateMilli: snapshot.allowedMilli,
            allowedForMs: max(0, snapshot.allowedUntilMicros - snapshot.nowMicros - room.ageMicros) / 1_000,
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
}

extension GatewayReport.Room {
    /// How long ago the snapshot came: what it says of its own time is as of then.
    fileprivate var ageMicros: Int64 { (self.asOf?.ageNanoseconds ?? 0) / Nanoseconds.perMicrosecond }

    /// The lease by which the snapshot's rate was in force has run out since the snapshot came.
    fileprivate var hasLapsed: Bool {
        guard let snapshot = self.snapshot, snapshot.allowedMilli != nil else { return false }
        let left = snapshot.allowedUntilMicros - snapshot.nowMicros
        return left > 0 && left <= self.ageMicros
    }
}
