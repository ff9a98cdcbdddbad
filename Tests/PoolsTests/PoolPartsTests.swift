import Addresses
import Primitives
import Scaling
import Settings
import Testing

@testable import Pools

/// What settings and reports mean to the policy.
@Suite struct PoolPartsTests {
    private func room(_ name: String, inflowMilli: Int64) -> RoomSettings {
        RoomSettings(name: name, slots: 10, inflowMilli: inflowMilli)
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
        let signals = PoolSignals(
            reports,
            rooms: [self.room("a", inflowMilli: 7_500)],
            drainGoalNanoseconds: 30 * Nanoseconds.perSecond,
            wallMicros: 0
        )
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
        pool.workers = (1...3).map { .loopback(port: 9_000 + $0) }
        #expect(ScalingLimits(pool).minWorkers == 3 && ScalingLimits(pool).maxWorkers == 3)
        #expect(ScalingLimits(pool).startTimePriorNanoseconds == Nanoseconds.perSecond)
    }

    @Test func limits_ofAPoolOfKEDA_mayBeNobody() throws {
        var pool = PoolSettings(name: "tickets")
        pool.driver = .keda
        pool.workers = (1...3).map { .loopback(port: 9_000 + $0) }
        pool.minWorkers = 0
        pool.maxWorkers = 3
        #expect(ScalingLimits(pool).minWorkers == 0 && ScalingLimits(pool).maxWorkers == 3)
    }

    @Test func state_countsWhoIsToldToEndAmongThoseThatDrain() {
        let now = Instant(nanoseconds: 9_000_000_000)
        var reconciliation = Reconciliation(limits: Reconciliation.Limits(PoolSettings(name: "tickets")), seed: 1)
        _ = reconciliation.reconcile(desired: 3, inFlight: [:], now: now)
        for number in 1...2 { _ = reconciliation.becameReady(number, now: now) }
        #expect(reconciliation.state == PoolState(ready: 2, pending: [now], draining: 0, slots: 16))
        _ = reconciliation.reconcile(desired: 1, inFlight: [:], now: now)
        #expect(reconciliation.state == PoolState(ready: 1, pending: [], draining: 2, slots: 8))
    }

    /// Seen before: new settings were taken to hold for the workers that ran.
    @Test func slots_areThoseThatEachWorkerWasStartedWith() {
        let now = Instant(nanoseconds: 9_000_000_000)
        var reconciliation = Reconciliation(limits: Reconciliation.Limits(PoolSettings(name: "tickets")), seed: 1)
        _ = reconciliation.reconcile(desired: 2, inFlight: [:], now: now)
        for number in 1...2 { _ = reconciliation.becameReady(number, now: now) }
        reconciliation.limits.slots = 32
        #expect(reconciliation.state.slots == 16)
        _ = reconciliation.reconcile(desired: 3, inFlight: [:], now: now)
        #expect(reconciliation.state.slots == 16, "it is not ready yet")
        _ = reconciliation.becameReady(3, now: now)
        #expect(reconciliation.state.slots == 48 && reconciliation.workers.map(\.slots) == [8, 8, 32])
    }
}
