import Admission
import Observability
import Primitives
import Reports
import Rooms
import Settings
import TestKit
import Testing

@testable import Gateway

/// What `/status` says of a gateway's rooms.
@Suite struct GatewayReportTests {
    private static let now: Int64 = 1_790_000_000_000_000

    private func report(
        mode: RoomMode = .normal,
        generation: Int = 7,
        _ change: (inout RoomSnapshot) -> Void = { _ in }
    ) -> GatewayReport {
        var settings = Settings()
        settings.explicitGeneration = generation
        settings.rooms = [RoomSettings(name: "sale", slots: 10, inflowMilli: 5_000)]
        var snapshot = RoomSnapshot(
            nowMicros: Self.now,
            epoch: 3,
            issued: 90,
            serving: 60,
            admitted: 50,
            sessions: 5,
            door: 0,
            rateMilli: 5_000,
            tokensNano: 0,
            burst: 1,
            slots: 10,
            showUpPermille: 1_000,
            opensAtMicros: 0
        )
        snapshot.generation = settings.generation
        change(&snapshot)
        let room = LoopReport.Room(counts: RoomCounts(), snapshot: snapshot, mode: mode, joining: 0, atDoor: 0)
        let loop = LoopReport(counters: LoopCounters(), turns: 1, rooms: ["sale": room], pools: [:])
        return GatewayReport([loop], settings: settings, problems: ["a problem"])
    }

    @Test func room_saysWhatIsInForce() throws {
        let report = self.report { snapshot in
            snapshot.allowedMilli = 4_000
            snapshot.allowedUntilMicros = Self.now + 2_500_000
            snapshot.gaps = [100...199]
            snapshot.older = [OlderLine(epoch: 2, issued: 9, serving: 4)]
            snapshot.journalEntries = 12
        }
        #expect(report.problems == ["a problem"])
        let status = report.status
        #expect(status.mode == "normal" && status.rooms[0].mode == "normal")
        let record = try #require(status.rooms[0].standing?.record)
        #expect(record.generation.text == "7" && record.ownGeneration.text == "7" && record.allowedForMs == 2_500)
        #expect(
            record.skipped == 100 && record.gaps == 1 && record.olderLines == [.init(epoch: 2, issued: 9, serving: 4)]
        )
        #expect(record.journalEntries == 12 && record.journalKeepEntries == 100_000)
        #expect(record.journalKeepSeconds == 7 * 86_400)
    }

    /// Seen before: `waiting -7`, for three seconds after the shared state had lost something twice.
    @Test func waiting_gapsBeyondTheLine_isNeverBelowNobody() {
        let report = self.report { $0.gaps = [70...97] }
        #expect(report.status.rooms[0].standing?.waiting == 2)
        let lost = self.report { $0.gaps = [70...106] }
        #expect(lost.status.rooms[0].standing?.waiting == 0)
        var metrics = PrometheusText()
        lost.write(to: &metrics)
        #expect(metrics.finished().contains("sluice_room_waiting{room=\"sale\"} 0\n"))
    }

    /// Seen before: a dead worker was shown as ready while the room was held for want of a worker.
    @Test func readyWorkers_areWithoutThoseThatFail_whichAreNamed() {
        let standings = SharedStandings()
        for id in ["a", "b", "c"] {
            _ = standings.join(id)
            standings.setReady(id, true)
        }
        _ = standings.refused("b", now: Instant(nanoseconds: 1_000_000_000))
        for _ in 0..<5 { _ = standings.failed("c", .timeout, now: Instant(nanoseconds: 2_000_000_000)) }
        let part = LoopReport.Pool(standing: standings.summary, sample: PoolSample())
        let loop = LoopReport(counters: LoopCounters(), turns: 1, rooms: [:], pools: ["web": part])
        let report = GatewayReport(
            [loop, loop],
            settings: Settings(),
            problems: [],
            now: Instant(nanoseconds: 4_000_000_000)
        )
        let pool = report.status.gatewayPools[0]
        #expect(pool.readyWorkers == 1, "one pool, however many loops tell of it")
        #expect(
            pool.failing == [
                .init(worker: "b", failure: "connect", sinceMs: 3_000, passedBy: true),
                .init(worker: "c", failure: "timeout", sinceMs: 2_000, passedBy: true),
            ]
        )
        var metrics = PrometheusText()
        report.write(to: &metrics)
        let text = metrics.finished()
        #expect(text.contains("sluice_pool_failing_workers{pool=\"web\"} 2\n"))
        #expect(text.contains("sluice_pool_passed_by_workers{pool=\"web\"} 2\n"))
        #expect(text.contains("sluice_pool_ejections_total{pool=\"web\",failure=\"timeout\"} 1\n"))
        #expect(text.contains("sluice_pool_ejections_total{pool=\"web\",failure=\"status\"} 0\n"))
    }

    @Test func tunnels_areCountedApartFromRequests_overAllLoops() {
        var counters = LoopCounters()
        for _ in 0..<3 { counters.tunnels.begun() }
        counters.tunnels.ended(.idle)
        counters.tunnels.bytesFromClients = 7
        counters.tunnels.bytesToClients = 9
        var sample = PoolSample()
        sample.inFlight = 4
        sample.tunnels = 2
        let part = LoopReport.Pool(standing: SharedStandings().summary, sample: sample)
        let loop = LoopReport(counters: counters, turns: 1, rooms: [:], pools: ["web": part])
        let report = GatewayReport([loop, loop], settings: Settings(), problems: [])
        #expect(report.status.gatewayPools[0].inFlight == 8 && report.status.gatewayPools[0].tunnels == 4)
        var metrics = PrometheusText()
        report.write(to: &metrics)
        let text = metrics.finished()
        for line in [
            "sluice_tunnels_open 4", "sluice_tunnels_total 6", "sluice_tunnels_ended_total{reason=\"idle\"} 2",
            "sluice_tunnels_ended_total{reason=\"session\"} 0", "sluice_tunnel_bytes_total{from=\"client\"} 14",
            "sluice_tunnel_bytes_total{from=\"worker\"} 18", "sluice_pool_tunnels{pool=\"web\"} 4",
            "sluice_pool_in_flight{pool=\"web\"} 8",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
    }

    @Test func modeOfTheRooms_isThatOfTheGateway_andALeaseThatLapsedHasNoTimeLeft() {
        #expect(self.report(mode: .degraded(sinceMicros: Self.now)).status.mode == "degraded")
        #expect(self.report(mode: .held).status.mode == "held")
        let alone = self.report { snapshot in
            snapshot.allowedMilli = 0
            snapshot.allowedUntilMicros = Self.now - 1
        }
        #expect(alone.status.rooms[0].standing?.record?.allowedForMs == 0)
    }

    /// Seen before: in an outage, the figures of before it, with nothing that said so.
    @Test func room_saysSinceWhenItsFiguresStand_andWhetherFilesContradict() throws {
        var pulse = RoomPulse()
        var snapshot = RoomSnapshot.sample(issued: 9, serving: 5)
        snapshot.isConflicting = true
        snapshot.allowedMilli = 4_000
        snapshot.allowedUntilMicros = snapshot.nowMicros + 2_500_000
        let answered = Instant(nanoseconds: 7_000_000_000)
        _ = pulse.answered(TickAnswer(snapshot: snapshot, events: 0), now: answered, wallMicros: Self.now)
        let room = LoopReport.Room(counts: RoomCounts(), snapshot: snapshot, mode: .normal, joining: 0, atDoor: 0)
        let loop = LoopReport(counters: LoopCounters(), turns: 1, rooms: ["sale": room], pools: [:])
        var settings = Settings()
        settings.rooms = [RoomSettings(name: "sale", slots: 10, inflowMilli: 5_000)]
        func look(afterSeconds seconds: Int64) -> GatewayReport {
            GatewayReport(
                [loop],
                settings: settings,
                problems: [],
                pulses: ["sale": pulse],
                now: answered.advanced(byNanoseconds: seconds * 1_000_000_000)
            )
        }
        // Seen before: in an outage, "leased for 2500 ms" for as long as it lasted.
        let (early, late) = (look(afterSeconds: 1).status.rooms[0], look(afterSeconds: 3).status.rooms[0])
        #expect(early.standing?.record?.allowedForMs == 1_500 && early.standing?.rateIsLapsed == nil)
        #expect(late.standing?.record?.allowedForMs == 0 && late.standing?.rateIsLapsed == true)
        let report = look(afterSeconds: 42)
        let status = report.status.rooms[0]
        #expect(status.asOf == "2026-09-21T14:13:20.000Z" && status.ageMs == 42_000)
        #expect(status.standing?.record?.limitsConflict == true)
        var metrics = PrometheusText()
        report.write(to: &metrics)
        let text = metrics.finished()
        #expect(text.contains("sluice_room_limits_conflict{room=\"sale\"} 1\n"))
        #expect(text.contains("sluice_room_as_of_seconds{room=\"sale\"} 1790000000\n"))
    }

    /// What `check` accepts is what holds in the shared state: seen before, a claim window was cut to one hour there.
    @Test func limits_thatSettingsAccept_holdInTheSharedState() {
        var room = RoomSettings(name: "sale", slots: 10_000_000, inflowMilli: 100_000_000)
        for (session, claim, horizon) in [(1, 1, 1), (86_400, 86_400, 60)] as [(Int64, Int64, Int64)] {
            room.burst = 1_000_000
            room.sessionMicros = session * 1_000_000
            room.claimWindowMicros = claim * 1_000_000
            room.horizonMicros = horizon * 1_000_000
            let limits = RoomLimits(room)
            #expect(limits.sessionMicros == room.sessionMicros && limits.claimMicros == room.claimWindowMicros)
            #expect(limits.horizonMicros == room.horizonMicros && limits.burst == room.burst)
            #expect(limits.slots == room.slots && limits.inflowMilli == room.inflowMilli)
        }
    }
}
