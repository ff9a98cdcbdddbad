import Addresses
import Primitives
import Scaling
import Settings
import Testing

@testable import Pools

/// What settings and reports mean to the policy.
@Suite struct PoolPartsTests {
    private func room(_ name: String, inflowMilli: Int64, opensAtMicros: Int64? = nil) -> RoomSettings {
        var room = RoomSettings(name: name, slots: 10, inflowMilli: inflowMilli)
        room.opensAtMicros = opensAtMicros
        return room
    }

    @Test func shares_areInProportionToTheInflow() {
        let rooms = [self.room("a", inflowMilli: 30_000), self.room("b", inflowMilli: 10_000)]
        #expect(RateShares.milli(of: 8_000, rooms) == [6_000, 2_000])
        #expect(RateShares.milli(of: 8_000, [self.room("a", inflowMilli: 0)]) == [])
        #expect(RateShares.milli(of: 8_000, []) == [])
    }

    @Test func rooms_ofAPool_areThoseOfItsRoutes() {
        var settings = Settings()
        settings.rooms = [
            self.room("a", inflowMilli: 1), self.room("b", inflowMilli: 1), self.room("c", inflowMilli: 1),
        ]
        settings.routes = [
            RouteSettings(path: "/c", pool: "one", room: "c"), RouteSettings(path: "/a", pool: "one", room: "a"),
            RouteSettings(path: "/b", pool: "two", room: "b"), RouteSettings(path: "/free", pool: "one"),
        ]
        #expect(settings.rooms(of: "one").map(\.name) == ["a", "c"])
        #expect(settings.rooms(of: "three").isEmpty)
    }

    @Test func openings_areThoseToCome() {
        let now = Instant(nanoseconds: 50_000_000_000)
        let rooms = [
            self.room("a", inflowMilli: 1), self.room("b", inflowMilli: 1, opensAtMicros: 7_000_000),
            self.room("c", inflowMilli: 1, opensAtMicros: 2_000_000),
        ]
        let openings = ScalingLimits.openings(of: rooms, waiting: 9, now: now, wallMicros: 4_000_000)
        #expect(openings == [.init(at: now.advanced(byNanoseconds: 3_000_000_000), waiting: 9)])
    }

    @Test func signals_ofSeveralGateways_addUpButTheLine() {
        var latency = LatencyHistogram()
        latency.record(nanoseconds: 20_000_000)
        let reports = (1...2).map { number in
            GatewaySignals(
                gateway: "g\(number)",
                intervalMicros: 500_000,
                arrivals: 10 * number,
                unguarded: number,
                admissions: 3,
                waiting: 40 * number,
                inFlight: 2,
                queued: 1,
                errors: 1,
                latency: latency
            )
        }
        let signals = PoolSignals(reports, rooms: [self.room("a", inflowMilli: 7_500)])
        #expect(signals.arrivalsPerSecond == 60 && signals.unguardedPerSecond == 6 && signals.admissionsPerSecond == 12)
        #expect(signals.inFlight == 4 && signals.queued == 2 && signals.waiting == 80 && signals.errorsPerSecond == 4)
        #expect(signals.latency.count == 2 && signals.gatewaysReporting == 2 && signals.inflowLimitPerSecond == 7.5)
    }

    @Test func limits_ofAStaticPool_areItsWorkers() throws {
        var pool = PoolSettings(name: "tickets")
        pool.minWorkers = 2
        pool.maxWorkers = 5
        #expect(ScalingLimits(pool).minWorkers == 2 && ScalingLimits(pool).maxWorkers == 5)
        pool.driver = .static
        pool.workers = try (1...3).map { try SocketAddress(parsing: "127.0.0.1:900\($0)") }
        #expect(ScalingLimits(pool).minWorkers == 3 && ScalingLimits(pool).maxWorkers == 3)
        #expect(ScalingLimits(pool).startTimePriorNanoseconds == Nanoseconds.perSecond)
    }

    @Test func state_countsWhoIsToldToEndAmongThoseThatDrain() {
        let now = Instant(nanoseconds: 9_000_000_000)
        var reconciliation = Reconciliation(limits: Reconciliation.Limits(PoolSettings(name: "tickets")), seed: 1)
        _ = reconciliation.reconcile(desired: 3, inFlight: [:], now: now)
        for number in 1...2 { _ = reconciliation.becameReady(number, now: now) }
        #expect(reconciliation.state == PoolState(ready: 2, pending: [now], draining: 0))
        _ = reconciliation.reconcile(desired: 1, inFlight: [:], now: now)
        #expect(reconciliation.state == PoolState(ready: 1, pending: [], draining: 2))
    }
}
