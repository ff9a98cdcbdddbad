import Pools
import Primitives
import Testing

@Suite struct ReplicaPlanTests {
    private let start = Instant(nanoseconds: 1_000_000_000)
    private func at(_ seconds: Int64) -> Instant { self.start.advanced(byNanoseconds: seconds * Nanoseconds.perSecond) }

    private func pods(_ names: [String], _ condition: ReplicaPlan.Pod.Condition = .ready) -> [ReplicaPlan.Pod] {
        names.map { ReplicaPlan.Pod(id: $0, address: "\($0):80", condition: condition) }
    }

    /// `names` are ready since `start`, and as many replicas are asked for.
    private func plan(
        _ names: [String],
        choice: ReplicaPlan.Choice = .marked,
        drainSeconds: Int64 = 10
    ) -> ReplicaPlan {
        var plan = ReplicaPlan(choice: choice, drainTimeoutNanoseconds: drainSeconds * Nanoseconds.perSecond)
        _ = plan.told(self.pods(names), now: self.start)
        plan.begin(draining: [], now: self.start)
        _ = plan.told(replicas: names.count, now: self.start)
        return plan
    }

    private func words(_ plan: ReplicaPlan) -> [String] { plan.workers.map { "\($0.pod.id) \($0.standing)" } }

    @Test func more_areOrdered_andTheirStartsAreMeasured() {
        var plan = self.plan(["a"])
        let order = plan.reconcile(desired: 3, inFlight: nil, now: self.at(1))
        #expect(order == .init(replicas: 3, victims: []))
        plan.carriedOut(order!, now: self.at(1))
        #expect(plan.state(slots: 8).pending == [self.at(1), self.at(1)])
        #expect(plan.reconcile(desired: 3, inFlight: nil, now: self.at(2)) == nil)
        let events = plan.told(self.pods(["a", "b"]) + self.pods(["c"], .starting), now: self.at(5))
        #expect(events == [.started(afterNanoseconds: 4 * Nanoseconds.perSecond)])
        #expect(plan.state(slots: 8) == .init(ready: 2, pending: [self.at(1)], draining: 0, slots: 16))
    }

    @Test func number_notKnown_nothingIsOrdered() {
        var plan = ReplicaPlan(choice: .marked, drainTimeoutNanoseconds: 0)
        _ = plan.told(self.pods(["a"]), now: self.start)
        #expect(plan.reconcile(desired: 5, inFlight: nil, now: self.start) == nil)
    }

    @Test func tooMany_theIdlestDrains_andGoesWhenItIsIdle() {
        var plan = self.plan(["a", "b", "c"])
        #expect(plan.reconcile(desired: 2, inFlight: ["a": 3, "b": 1, "c": 2], now: self.at(1)) == nil)
        #expect(self.words(plan) == ["a ready", "b draining", "c ready"])
        // Gateways have to know of it first, and it has to have finished.
        #expect(plan.reconcile(desired: 2, inFlight: [:], now: self.at(2)) == nil)
        #expect(plan.reconcile(desired: 2, inFlight: ["b": 1], now: self.at(4)) == nil)
        #expect(plan.reconcile(desired: 2, inFlight: nil, now: self.at(4)) == nil, "nobody knows")
        let order = plan.reconcile(desired: 2, inFlight: [:], now: self.at(5))
        #expect(order == .init(replicas: 2, victims: ["b"]))
        plan.carriedOut(order!, now: self.at(5))
        #expect(self.words(plan) == ["a ready", "b draining", "c ready"], "until it is gone")
        #expect(plan.state(slots: 8) == .init(ready: 2, pending: [], draining: 1, slots: 16))
        _ = plan.told(self.pods(["a", "c"]) + self.pods(["b"], .leaving), now: self.at(6))
        #expect(self.words(plan) == ["a ready", "b draining", "c ready"])
        _ = plan.told(self.pods(["a", "c"]), now: self.at(7))
        #expect(self.words(plan) == ["a ready", "c ready"])
    }

    @Test func draining_tooLong_goesAnyway() {
        var plan = self.plan(["a", "b"], drainSeconds: 10)
        _ = plan.reconcile(desired: 1, inFlight: ["a": 1, "b": 1], now: self.at(1))
        #expect(plan.reconcile(desired: 1, inFlight: ["a": 1, "b": 1], now: self.at(10)) == nil)
        #expect(plan.reconcile(desired: 1, inFlight: nil, now: self.at(11))?.victims.count == 1)
    }

    @Test func wantedAgain_thoseThatDrainAreTakenBackBeforeAnyIsOrdered() {
        var plan = self.plan(["a", "b", "c"])
        _ = plan.reconcile(desired: 1, inFlight: nil, now: self.at(1))
        #expect(plan.state(slots: 1).draining == 2)
        #expect(plan.reconcile(desired: 4, inFlight: nil, now: self.at(2)) == .init(replicas: 4, victims: []))
        #expect(plan.state(slots: 1).ready == 3)
    }

    /// Who is not ready serves nobody: it goes first, and at once.
    @Test func tooMany_thoseThatStartGoFirst() {
        var plan = self.plan(["a", "b"])
        plan.carriedOut(.init(replicas: 5, victims: []), now: self.at(1))
        #expect(plan.reconcile(desired: 3, inFlight: nil, now: self.at(2)) == .init(replicas: 3, victims: []))
        #expect(plan.reconcile(desired: 1, inFlight: nil, now: self.at(2)) == .init(replicas: 2, victims: []))
        #expect(plan.state(slots: 1).draining == 1)
    }

    @Test func statefulSet_theHighestNumberGoes_andNobodyBelowOneWhoStays() {
        var plan = self.numbered(11)
        _ = plan.reconcile(desired: 9, inFlight: ["s-10": 9, "s-9": 0], now: self.at(1))
        #expect(self.draining(plan) == ["s-10", "s-9"])
        // The one below is done, the one above is not.
        #expect(plan.reconcile(desired: 9, inFlight: ["s-10": 1], now: self.at(5)) == nil)
        #expect(
            plan.reconcile(desired: 9, inFlight: [:], now: self.at(6)) == .init(replicas: 9, victims: ["s-10", "s-9"])
        )
    }

    private func numbered(_ count: Int) -> ReplicaPlan {
        self.plan((0..<count).map { "s-\($0)" }, choice: .highestNumber)
    }

    private func draining(_ plan: ReplicaPlan) -> Set<String> {
        Set(plan.workers.filter { $0.standing == .draining }.map(\.pod.id))
    }

    /// The cluster would end the highest, which serves.
    @Test func statefulSet_oneBelowIsNotReady_theHighestDrainsAllTheSame() {
        var plan = self.numbered(5)
        _ = plan.told(self.pods(["s-0", "s-2", "s-3", "s-4"]) + self.pods(["s-1"], .starting), now: self.at(1))
        #expect(plan.reconcile(desired: 4, inFlight: ["s-4": 1], now: self.at(2)) == nil)
        #expect(self.draining(plan) == ["s-4"])
        #expect(plan.reconcile(desired: 4, inFlight: ["s-4": 1], now: self.at(6)) == nil)
        #expect(plan.reconcile(desired: 4, inFlight: [:], now: self.at(7)) == .init(replicas: 4, victims: ["s-4"]))
        plan.carriedOut(.init(replicas: 4, victims: ["s-4"]), now: self.at(7))
        #expect(plan.state(slots: 1).pending.count == 1, "the one below is still to come")
    }

    @Test func statefulSet_theHighestIsNotReady_itGoesAloneAndAtOnce() {
        var plan = self.numbered(5)
        _ = plan.told(self.pods(["s-0", "s-1", "s-2", "s-3"]) + self.pods(["s-4"], .starting), now: self.at(1))
        #expect(plan.reconcile(desired: 3, inFlight: [:], now: self.at(2)) == .init(replicas: 4, victims: []))
        plan.carriedOut(.init(replicas: 4, victims: []), now: self.at(2))
        #expect(self.draining(plan) == ["s-3"])
        #expect(plan.reconcile(desired: 3, inFlight: [:], now: self.at(6)) == .init(replicas: 3, victims: ["s-3"]))
    }

    @Test func statefulSet_wantedAgain_theLowestIsTakenBack() {
        var plan = self.numbered(11)
        _ = plan.reconcile(desired: 8, inFlight: [:], now: self.at(1))
        #expect(self.draining(plan) == ["s-8", "s-9", "s-10"])
        #expect(plan.reconcile(desired: 10, inFlight: [:], now: self.at(2)) == nil)
        #expect(self.draining(plan) == ["s-10"])
        #expect(plan.reconcile(desired: 10, inFlight: [:], now: self.at(5)) == .init(replicas: 10, victims: ["s-10"]))
        #expect(plan.reconcile(desired: 12, inFlight: [:], now: self.at(5)) == .init(replicas: 12, victims: []))
        #expect(self.draining(plan) == [])
    }

    /// Against a cluster that ends the highest, with readiness that comes and goes and with others who scale: no order ever
    /// lets one go that serves, other than drained.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func statefulSet_histories_random_endAtWhatIsDesired(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var plan = ReplicaPlan(choice: .highestNumber, drainTimeoutNanoseconds: 1_000 * Nanoseconds.perSecond)
        var isReady: [Bool] = []
        var replicas = 3
        var desired = 3
        plan.begin(draining: [], now: self.start)
        for second: Int64 in 0..<250 {
            let now = self.at(second)
            let isWild = second < 150
            if isWild, Int.random(in: 0..<8, using: &random) == 0 { desired = Int.random(in: 0...12, using: &random) }
            if isWild, Int.random(in: 0..<30, using: &random) == 0 { replicas = Int.random(in: 0...12, using: &random) }
            while isReady.count < replicas { isReady.append(false) }
            isReady.removeLast(isReady.count - replicas)
            for number in isReady.indices {
                isReady[number] = isWild ? Int.random(in: 0..<4, using: &random) > 0 : true
            }
            let busy = isReady.indices.filter { _ in isWild && Bool.random(using: &random) }
            let inFlight = Dictionary(uniqueKeysWithValues: busy.map { ("s-\($0)", 1) })
            let pods = isReady.enumerated().map { number, isReady in
                ReplicaPlan.Pod(id: "s-\(number)", address: "x:1", condition: isReady ? .ready : .starting)
            }
            _ = plan.told(pods, now: now)
            _ = plan.told(replicas: replicas, now: now)
            guard let order = plan.reconcile(desired: desired, inFlight: ByName(inFlight), now: now) else { continue }
            #expect(order.replicas >= desired, "seed \(seed)")
            let gone = pods.dropFirst(order.replicas).filter { $0.condition == .ready }.map(\.id)
            #expect(Set(gone) == Set(order.victims), "seed \(seed)")
            #expect(order.victims.allSatisfy { inFlight[$0] == nil }, "seed \(seed)")
            replicas = order.replicas
            isReady.removeLast(max(0, isReady.count - replicas))
            plan.carriedOut(order, now: now)
        }
        #expect(replicas == desired, "seed \(seed)")
        #expect(plan.state(slots: 1).ready == desired && plan.state(slots: 1).draining == 0, "seed \(seed)")
    }

    @Test func number_changedByOthers_isToldAndSetAgain() {
        var plan = self.plan(["a", "b"])
        #expect(plan.told(replicas: 9, now: self.at(1)) == [.scaledByOthers(from: 2, to: 9)])
        #expect(plan.reconcile(desired: 2, inFlight: nil, now: self.at(1)) == .init(replicas: 2, victims: []))
        plan.carriedOut(.init(replicas: 2, victims: []), now: self.at(1))
        #expect(plan.told(replicas: 2, now: self.at(2)) == [])
    }

    /// One whose readiness comes and goes is no start: how long that took says nothing of starts.
    @Test func readiness_thatComesAndGoes_isNoStart() {
        var plan = self.plan(["a", "b"])
        #expect(plan.told(self.pods(["a"]) + self.pods(["b"], .starting), now: self.at(1)) == [])
        #expect(plan.state(slots: 1) == .init(ready: 1, pending: [self.at(1)], draining: 0, slots: 1))
        #expect(plan.told(self.pods(["a", "b"]), now: self.at(2)) == [])
        #expect(plan.state(slots: 1).pending == [])
    }

    @Test func victim_thatAnotherOneWentFor_isTakenBack() {
        var plan = self.plan(["a", "b", "c"])
        plan.carriedOut(.init(replicas: 2, victims: ["b"]), now: self.at(1))
        // The cluster took c.
        _ = plan.told(self.pods(["a", "b"]), now: self.at(2))
        #expect(plan.state(slots: 1).ready == 1)
        _ = plan.reconcile(desired: 2, inFlight: nil, now: self.at(20))
        #expect(plan.state(slots: 1) == .init(ready: 2, pending: [], draining: 0, slots: 2))
    }

    @Test func term_begins_andThoseOfBeforeGoOnDraining() {
        var plan = self.plan(["a", "b"])
        plan.begin(draining: ["b", "gone"], now: self.at(1))
        #expect(plan.replicas == nil && self.words(plan) == ["a ready", "b draining"])
        _ = plan.told(replicas: 2, now: self.at(1))
        #expect(plan.reconcile(desired: 1, inFlight: [:], now: self.at(4)) == .init(replicas: 1, victims: ["b"]))
    }

    @Test func operator_whoWantsOneToGo_getsAnotherForIt() {
        var plan = self.plan(["a", "b"])
        #expect(plan.retire("a", now: self.at(1)) == .begun)
        #expect(plan.retire("a", now: self.at(1)) == .already)
        #expect(plan.retire("nobody", now: self.at(1)) == nil)
        _ = plan.told(self.pods(["a", "b"]) + self.pods(["new"], .starting), now: self.at(1))
        #expect(plan.retire("new", now: self.at(1)) == .notReady)
        _ = plan.told(self.pods(["a", "b"]), now: self.at(1))
        #expect(self.words(plan) == ["a draining", "b ready"])
        #expect(plan.reconcile(desired: 2, inFlight: ["a": 1], now: self.at(1)) == .init(replicas: 3, victims: []))
        plan.carriedOut(.init(replicas: 3, victims: []), now: self.at(1))
        _ = plan.told(self.pods(["a", "b", "c"]), now: self.at(2))
        #expect(plan.reconcile(desired: 2, inFlight: [:], now: self.at(4)) == .init(replicas: 2, victims: ["a"]))
    }

    @Test func losses_areThoseThatNobodyToldToEnd() {
        var plan = self.plan(["a", "b", "c", "d"])
        _ = plan.reconcile(desired: 3, inFlight: ["a": 0, "b": 1, "c": 1, "d": 1], now: self.at(1))
        // The one that drains, one that the cluster takes away in order, one that dies, one that fails its probe.
        _ = plan.told(self.pods(["b"], .leaving) + self.pods(["d"], .starting), now: self.at(2))
        #expect(plan.losses == 2)
        _ = plan.told(self.pods(["d"]), now: self.at(3))
        #expect(plan.losses == 2)
    }

    /// Against a cluster that does as it is told, with random delays: the number comes to what is desired, and nobody who
    /// has something under way is ever taken off it before the drain timeout.
    @Test(arguments: 1...50 as ClosedRange<UInt64>)
    func histories_random_endAtWhatIsDesired(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var plan = ReplicaPlan(choice: .marked, drainTimeoutNanoseconds: 1_000 * Nanoseconds.perSecond)
        var cluster: [String: ReplicaPlan.Pod.Condition] = [:]
        var replicas = 3
        var next = 0
        var busy: [String: Int] = [:]
        var desired = 3
        plan.begin(draining: [], now: self.start)
        for second: Int64 in 0..<200 {
            let now = self.at(second)
            if second < 150, Int.random(in: 0..<8, using: &random) == 0 {
                desired = Int.random(in: 0...12, using: &random)
            }
            for pod in cluster.keys where cluster[pod] == .starting && Bool.random(using: &random) {
                cluster[pod] = .ready
            }
            for pod in cluster.keys { busy[pod] = second < 150 ? Int.random(in: 0...1, using: &random) : 0 }
            _ = plan.told(cluster.map { .init(id: $0.key, address: "x:1", condition: $0.value) }, now: now)
            if second < 150, Int.random(in: 0..<30, using: &random) == 0 {
                replicas = Int.random(in: 0...12, using: &random)
            }
            _ = plan.told(replicas: replicas, now: now)
            if let order = plan.reconcile(desired: desired, inFlight: ByName(busy), now: now) {
                for victim in order.victims { #expect(busy[victim, default: 0] == 0, "seed \(seed)") }
                replicas = order.replicas
                for victim in order.victims { cluster[victim] = nil }
                plan.carriedOut(order, now: now)
            }
            #expect(replicas >= 0)
            while cluster.count < replicas {
                next += 1
                cluster["p-\(next)"] = .starting
            }
            for pod in cluster.keys.sorted(by: {
                (cluster[$0] == .ready ? 1 : 0, $0) < (cluster[$1] == .ready ? 1 : 0, $1)
            })
            .prefix(max(0, cluster.count - replicas)) { cluster[pod] = nil }
        }
        #expect(replicas == desired, "seed \(seed)")
        #expect(plan.state(slots: 1).ready == desired && plan.state(slots: 1).draining == 0, "seed \(seed)")
    }
}
