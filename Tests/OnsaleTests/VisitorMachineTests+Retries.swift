import Primitives
import Testing

@testable import onsale

/// What visitors do after an error.
extension VisitorMachineTests {
    @Test func fixedRetry_afterErrors_givesUpAfterTheLastTry() {
        var (machine, now) = self.asking()
        for retry in 0..<self.scenario.manners.mostRetries {
            let reaction = machine.answered(Response(status: 503), now: now, rules: self.rules)
            let due = self.after(now, seconds: 1)
            #expect(reaction == .init(heard: .error(.workerError), action: .wait(until: due)))
            #expect(machine.timerFired(now: due) == .request(Self.request(retry + 2, .entrance, due: due)))
            now = self.after(due, seconds: 0.1)
        }
        let answer = Response(status: 502, isGatewayError: true, hasMark: false)
        #expect(
            machine.answered(answer, now: now, rules: self.rules)
                == .init(heard: .error(.gatewayError), action: .leave(.failed))
        )
    }

    @Test func retries_afterAGoodAnswer_areNew() {
        var (machine, now) = self.asking(Self.visitor(requests: 50, habit: .immediate))
        for _ in 0..<10 {
            for _ in 0..<2 {
                guard
                    case .wait(let until) = machine.answered(Response(status: 503), now: now, rules: self.rules).action
                else {
                    Issue.record("gave up although the answers in between were good")
                    return
                }
                now = until
                _ = machine.timerFired(now: now)
            }
            guard case .wait(let until) = machine.answered(Self.admitted, now: now, rules: self.rules).action else {
                Issue.record("gave up although the answers in between were good")
                return
            }
            now = until
            _ = machine.timerFired(now: now)
        }
    }

    /// Who presses reload at once needs a hand to do so, and longer each time: a site that refuses is not asked more than
    /// one that works.
    @Test func immediateRetry_afterARefusal_pausesLongerEachTime() {
        var machine = VisitorMachine(Self.visitor(habit: .immediate), startedAt: self.start)
        var now = machine.due
        #expect(machine.arrive() == .connect)
        for retry in 0..<self.scenario.manners.mostRetries {
            let due = self.after(now, seconds: 0.25 * Double(1 << retry))
            #expect(
                machine.failed(.refused, nothingReceived: true, now: now, rules: self.rules)
                    == .init(heard: .error(.refused), action: .wait(until: due))
            )
            #expect(machine.timerFired(now: due) == .connect)
            now = due
        }
        #expect(
            machine.failed(.refused, nothingReceived: true, now: now, rules: self.rules).action == .leave(.failed)
        )
    }

    @Test func jitterRetry_withRetryAfter_waitsAtLeastThatLong() {
        for seed in UInt64(1)...50 {
            let visitor = Visitor(
                index: 0,
                arrivalNanoseconds: 0,
                patienceNanoseconds: .max,
                requestCount: 2,
                isNoShow: false,
                eagerRefreshNanoseconds: nil,
                leavesByPage: true,
                retryHabit: .fullJitter,
                seed: seed
            )
            var (machine, now) = self.asking(visitor)
            var answer = Response(status: 503)
            answer.retryAfterSeconds = 1
            guard case .wait(let until) = machine.answered(answer, now: now, rules: self.rules).action else {
                Issue.record("seed \(seed): no pause")
                return
            }
            #expect((1_000_000_000...2_000_000_000).contains(until.nanoseconds(since: now)), "seed \(seed)")
        }
    }

    @Test func rejection_isNotRetried() {
        var (machine, now) = self.asking()
        #expect(
            machine.answered(Response(status: 404), now: now, rules: self.rules)
                == .init(heard: .error(.rejected), action: .leave(.failed))
        )
    }
}
