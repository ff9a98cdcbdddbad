import Kubernetes
import Primitives
import Testing

@Suite struct LeaseMachineTests {
    private let start = Instant(nanoseconds: 100_000_000_000)
    private func at(_ millis: Int64) -> Instant {
        self.start.advanced(byNanoseconds: millis * Nanoseconds.perMillisecond)
    }

    private func record(_ holder: String, _ transitions: Int = 3, version: String = "1") -> LeaseMachine.Record {
        LeaseMachine.Record(holder: holder, transitions: transitions, lengthSeconds: 2, version: version)
    }

    private func machine(wanted: Bool = true) -> LeaseMachine {
        var machine = LeaseMachine(identity: "me")
        machine.want(wanted, now: self.start)
        #expect(machine.due(now: self.start) == .read)
        return machine
    }

    /// Holds it since `start`.
    private func holder() -> LeaseMachine {
        var machine = self.machine()
        machine.answered(.found(self.record("")), now: self.start)
        #expect(machine.due(now: self.start) == .hold(transitions: 4, version: "1", isNew: true))
        machine.answered(.found(self.record("me", 4, version: "2")), now: self.start)
        return machine
    }

    @Test func lease_missing_isMade() {
        var machine = self.machine()
        machine.answered(.missing, now: self.start)
        #expect(machine.due(now: self.start) == .create(transitions: 0))
        machine.answered(.found(self.record("me", 0)), now: self.start)
        #expect(machine.trusted(now: self.start) != nil && machine.transitions == 0)
    }

    @Test func lease_ofAnother_isTakenWhenNothingHasChangedForItsLength() {
        var machine = self.machine()
        machine.answered(.found(self.record("other")), now: self.start)
        #expect(machine.due(now: self.at(499)) == .none)
        #expect(machine.due(now: self.at(500)) == .read)
        // It is renewed: time begins anew, whatever its own clock says.
        machine.answered(.found(self.record("other", version: "2")), now: self.at(510))
        for millis: Int64 in [1_010, 1_510, 2_010] {
            #expect(machine.due(now: self.at(millis)) == .read)
            machine.answered(.found(self.record("other", version: "2")), now: self.at(millis))
        }
        #expect(machine.due(now: self.at(2_509)) == .none)
        #expect(machine.due(now: self.at(2_510)) == .hold(transitions: 4, version: "2", isNew: true))
        machine.answered(.found(self.record("me", 4, version: "3")), now: self.at(2_520))
        #expect(machine.transitions == 4)
    }

    @Test func lease_notWanted_isOnlyLookedAt() {
        var machine = self.machine(wanted: false)
        for millis: Int64 in stride(from: 0, through: 10_000, by: 500) {
            machine.answered(.found(self.record("other")), now: self.at(millis))
            #expect(machine.due(now: self.at(millis + 500)) == .read)
        }
        // And then taken at once: it has been watched all the time.
        machine.answered(.found(self.record("other")), now: self.at(10_500))
        machine.want(true, now: self.at(10_501))
        #expect(machine.due(now: self.at(10_501)) == .hold(transitions: 4, version: "1", isNew: true))
    }

    @Test func takers_two_oneIsRefusedAndLooksAgain() {
        var machine = self.machine()
        machine.answered(.found(self.record("")), now: self.start)
        _ = machine.due(now: self.start)
        machine.answered(.conflict, now: self.start)
        #expect(machine.trusted(now: self.start) == nil)
        #expect(machine.due(now: self.at(100)) == .read)
    }

    /// Trust counts from when the renewal was sent: how long it took to arrive nobody knows.
    @Test func trust_endsBeforeOthersMayTakeIt() {
        var machine = self.holder()
        #expect(machine.trusted(now: self.at(1_499)) != nil && machine.trusted(now: self.at(1_500)) == nil)
        #expect(machine.due(now: self.at(500)) == .hold(transitions: 4, version: "2", isNew: false))
        machine.answered(.found(self.record("me", 4, version: "3")), now: self.at(1_300))
        #expect(machine.trusted(now: self.at(1_999)) != nil && machine.trusted(now: self.at(2_000)) == nil)
    }

    @Test func renewal_failed_isTriedAgainWhileThereIsTime() {
        var machine = self.holder()
        _ = machine.due(now: self.at(500))
        machine.answered(.failed, now: self.at(700))
        #expect(machine.trusted(now: self.at(800)) != nil)
        #expect(machine.due(now: self.at(950)) == .hold(transitions: 4, version: "2", isNew: false))
    }

    /// As after SIGSTOP: the first thing it does is to look, and to write nothing.
    @Test func holder_stoppedForLong_looksBeforeItWrites() {
        var machine = self.holder()
        #expect(machine.trusted(now: self.at(60_000)) == nil)
        #expect(machine.due(now: self.at(60_000)) == .read)
        #expect(machine.transitions == nil)
        machine.answered(.found(self.record("other", 5, version: "9")), now: self.at(60_001))
        #expect(machine.due(now: self.at(60_001)) == .none)
    }

    @Test func holder_stoppedForLongAndNotWanted_doesNotEvenGiveItUp() {
        var machine = self.holder()
        machine.want(false, now: self.at(60_000))
        #expect(machine.due(now: self.at(60_000)) == .read)
    }

    /// Seen before: the holder of a lease whose server fails at once asked it as fast as its loop turned.
    @Test func server_thatFailsAtOnce_isAskedNowAndThen() {
        var machine = self.holder()
        var now = self.at(2_000)
        var asked = 0
        while now < self.at(12_000) {
            if machine.due(now: now) != .none {
                asked += 1
                machine.answered(.failed, now: now)
            }
            now = now.advanced(byNanoseconds: 1_000_000)
        }
        #expect(asked > 5 && asked < 60, "\(asked) in ten seconds")
    }

    /// Nor where the lease cannot be made, because its namespace is not there.
    @Test func lease_thatCannotBeMade_isTriedNowAndThen() {
        var machine = self.machine()
        var now = self.start
        var asked = 0
        machine.answered(.missing, now: now)
        while now < self.at(10_000) {
            if machine.due(now: now) != .none {
                asked += 1
                machine.answered(.missing, now: now)
            }
            now = now.advanced(byNanoseconds: 1_000_000)
        }
        #expect(asked > 2 && asked < 60, "\(asked) in ten seconds")
    }

    @Test func lease_givenUp_isTakenByTheNextAtOnce() {
        var machine = self.holder()
        machine.want(false, now: self.at(100))
        #expect(machine.due(now: self.at(100)) == .release(transitions: 4, version: "2"))
        #expect(machine.trusted(now: self.at(100)) == nil, "from the moment in which it is given up")
        var next = self.machine()
        next.answered(.found(self.record("", 4, version: "3")), now: self.at(110))
        #expect(next.due(now: self.at(110)) == .hold(transitions: 5, version: "3", isNew: true))
    }

    /// Any number of machines that stand still at any time, a network that takes its time and loses answers: never do two
    /// trust that they hold it, and the number of transitions grows with every holder.
    @Test(arguments: 1...40 as ClosedRange<UInt64>)
    func machines_thatStandStill_neverHoldItTogether(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var machines = (0..<3).map { LeaseMachine(identity: "machine-\($0)") }
        for index in machines.indices { machines[index].want(true, now: self.start) }
        var asleepUntil = [Int64](repeating: 0, count: machines.count)
        var stored: LeaseMachine.Record?
        var version = 0
        struct Call {
            let machine: Int
            let action: LeaseMachine.Action
            let servedAt, answeredAt: Int64
            var answer: LeaseMachine.Answer?
        }
        var calls: [Call] = []
        var holders: Set<Int> = []
        for millis: Int64 in 0..<60_000 {
            let now = self.at(millis)
            for index in calls.indices where calls[index].servedAt == millis {
                let identity = "machine-\(calls[index].machine)"
                calls[index].answer = Self.serve(calls[index].action, identity, &stored, &version)
            }
            for call in calls where call.answeredAt <= millis && asleepUntil[call.machine] <= millis {
                let isLost = Int.random(in: 0..<20, using: &random) == 0
                machines[call.machine].answered(isLost ? .failed : call.answer ?? .failed, now: now)
            }
            calls.removeAll { $0.answeredAt <= millis && asleepUntil[$0.machine] <= millis }
            for index in machines.indices where asleepUntil[index] <= millis {
                if Int.random(in: 0..<4_000, using: &random) == 0 {
                    asleepUntil[index] = millis + Int64.random(in: 1...8_000, using: &random)
                    continue
                }
                let action = machines[index].due(now: now)
                guard action != .none else { continue }
                let there = Int64.random(in: 1...300, using: &random)
                let back = Int64.random(in: 1...300, using: &random)
                calls.append(
                    Call(machine: index, action: action, servedAt: millis + there, answeredAt: millis + there + back)
                )
            }
            let trusting = machines.indices.filter { machines[$0].trusted(now: now) != nil }
            #expect(trusting.count <= 1, "seed \(seed), \(millis) ms: \(trusting)")
            holders.formUnion(trusting)
        }
        #expect(holders.count > 1, "seed \(seed): it changed hands")
    }

    private static func serve(
        _ action: LeaseMachine.Action,
        _ identity: String,
        _ stored: inout LeaseMachine.Record?,
        _ version: inout Int
    ) -> LeaseMachine.Answer {
        func write(_ holder: String, _ transitions: Int) -> LeaseMachine.Answer {
            version += 1
            let record = LeaseMachine.Record(
                holder: holder,
                transitions: transitions,
                lengthSeconds: holder.isEmpty ? 1 : 2,
                version: "\(version)"
            )
            stored = record
            return .found(record)
        }
        switch action {
        case .none: return .failed
        case .read: return stored.map { .found($0) } ?? .missing
        case .create(let transitions): return stored == nil ? write(identity, transitions) : .conflict
        case .hold(let transitions, let expected, _):
            return stored?.version == expected ? write(identity, transitions) : .conflict
        case .release(let transitions, let expected):
            return stored?.version == expected ? write("", transitions) : .conflict
        }
    }
}
