import Primitives
import Testing

@testable import onsale

/// What is special about the classes of visitors, each in a table of its own.
@Suite struct ConductTests {
    static let second = Nanoseconds.perSecond
    let start = Instant(nanoseconds: 5_000_000_000_000)

    func rules(_ change: (inout Manners) -> Void) -> VisitorRules {
        var scenario = Scenario(visitors: 1, durationSeconds: 60, seed: 1)
        change(&scenario.manners)
        return VisitorRules(scenario, startedAt: self.start)
    }

    /// A visitor whose first request is under way.
    func asking(eager: Int64? = nil, habit: Visitor.RetryHabit = .fullJitter) -> (VisitorMachine, Instant) {
        let visitor = VisitorMachineTests.visitor(eager: eager, habit: habit)
        var machine = VisitorMachine(visitor, startedAt: self.start)
        _ = machine.arrive()
        _ = machine.connected()
        return (machine, machine.due)
    }

    @Test func ownPace_inLine_ignoresWhatThePageTells() {
        var (machine, now) = self.asking()
        let rules = self.rules { $0.ownPaceSeconds = 0.5 }
        let reaction = machine.answered(VisitorMachineTests.waiting(refresh: 30), now: now, rules: rules)
        #expect(reaction.action == .wait(until: now.advanced(byNanoseconds: Self.second / 2)))
    }

    @Test func presser_farFromTheOpening_reloadsAllTheTime() {
        var (machine, now) = self.asking(eager: Self.second / 2)
        let kept = self.rules { _ in }
        var other = machine
        let told = other.answered(VisitorMachineTests.waiting(refresh: 7), now: now, rules: kept)
        #expect(told.action == .wait(until: now.advanced(byNanoseconds: 7 * Self.second)))
        let rules = self.rules { $0 = VisitorKind.f5.changed($0, stretch: 1) }
        let reaction = machine.answered(VisitorMachineTests.waiting(refresh: 7), now: now, rules: rules)
        #expect(reaction.action == .wait(until: now.advanced(byNanoseconds: Self.second / 2)))
    }

    @Test func crawler_inLine_goesOnWithTheNextPageUntilItHasAll() throws {
        var (machine, now) = self.asking()
        let rules = self.rules { $0 = VisitorKind.crawler.changed($0, stretch: 1) }
        var pages: [VisitorMachine.Page] = []
        for _ in 0..<2 {
            let reaction = machine.answered(VisitorMachineTests.waiting(refresh: 9), now: now, rules: rules)
            guard case .wait(let until) = reaction.action else {
                Issue.record("\(reaction)")
                return
            }
            #expect(
                until.nanoseconds(since: now) <= Int64(rules.manners(of: machine.visitor).longestThinkSeconds * 1e9)
            )
            now = until
            guard case .request(let request) = machine.timerFired(now: now) else {
                Issue.record("no request")
                return
            }
            pages.append(request.page)
        }
        #expect(pages == [.browse(1), .browse(2)])
        let last = machine.answered(VisitorMachineTests.waiting(), now: now, rules: rules)
        #expect(last.action == .leave(.abandoned))
    }

    @Test func stranger_letInTwice_isAnExchangeEachTime() {
        var (machine, now) = self.asking()
        let rules = self.rules { $0 = VisitorKind.cookieless.changed($0, stretch: 1) }
        #expect(machine.answered(VisitorMachineTests.admitted, now: now, rules: rules).heard == .exchange)
        guard case .wait(let until) = VisitorConduct.pause(&machine) else { return }
        now = until
        _ = machine.timerFired(now: now)
        #expect(machine.answered(VisitorMachineTests.admitted, now: now, rules: rules).heard == .exchange)
    }

    @Test(arguments: [403, 429])
    func refusal_ofARudeVisitor_isNoErrorAndOfAnotherIs(status: Int) {
        let refusal = Response(status: status, retryAfterSeconds: 60)
        var (rude, now) = self.asking()
        let reaction = rude.answered(refusal, now: now, rules: self.rules { $0.ownPaceSeconds = 0.5 })
        #expect(reaction.heard == .turnedAway)
        #expect(reaction.action == .wait(until: now.advanced(byNanoseconds: Self.second / 2)))
        var (other, _) = self.asking()
        #expect(other.answered(refusal, now: now, rules: self.rules { _ in }).heard == .error(.rejected))
    }

    /// Patience ends for those, too, who are turned away.
    @Test func refusals_withoutEnd_endWithPatience() {
        var (machine, now) = self.asking()
        let rules = self.rules { $0.ownPaceSeconds = 10 }
        var action = machine.answered(Response(status: 429), now: now, rules: rules).action
        var turns = 0
        while case .wait(let until) = action, turns < 1_000 {
            turns += 1
            now = until
            action = machine.timerFired(now: now)
            if case .request = action {
                action = machine.answered(Response(status: 429), now: now, rules: rules).action
            }
        }
        #expect(action == .leave(.abandoned))
    }

    @Test func bot_afterAnError_doesNotHeedRetryAfter() {
        var (machine, now) = self.asking()
        let bot = self.rules { $0 = VisitorKind.bot.changed($0, stretch: 1) }
        let busy = Response(status: 503, retryAfterSeconds: 200, isGatewayError: true)
        var unmarked = busy
        unmarked.hasMark = false
        guard case .wait(let until) = machine.answered(unmarked, now: now, rules: bot).action else {
            Issue.record("gave up")
            return
        }
        #expect(until.nanoseconds(since: now) < 200 * Self.second)
    }

    @Test func mobile_inLine_vanishesWithARequestAndComesBack() {
        var (machine, now) = self.asking()
        let rules = self.rules { manners in
            manners.lossShare = 1
            manners.longestLossSeconds = 4
        }
        let reaction = machine.answered(VisitorMachineTests.waiting(refresh: 3), now: now, rules: rules)
        guard case .wait(let until) = reaction.action else {
            Issue.record("\(reaction)")
            return
        }
        now = until
        guard case .requestAndVanish(let request, let back) = machine.timerFired(now: now) else {
            Issue.record("did not vanish")
            return
        }
        #expect(request.page == .entrance && !machine.isBusy && machine.isInLine)
        #expect(back > now && back.nanoseconds(since: now) <= 4 * Self.second)
        // The old connection is of no use: a new one, and the same question under another mark.
        #expect(machine.timerFired(now: back) == .connect)
        guard case .request(let again) = machine.connected() else {
            Issue.record("did not ask again")
            return
        }
        #expect(again.page == .entrance && again.mark != request.mark)
    }

    @Test func mobile_onThePageThatGivesTheSlotBack_neverVanishes() {
        let rules = self.rules { $0.lossShare = 1 }
        var (machine, now) = self.asking()
        var action = machine.answered(VisitorMachineTests.admitted, now: now, rules: rules).action
        var pages: [VisitorMachine.Page] = []
        while case .wait(let until) = action {
            now = until
            action = machine.timerFired(now: now)
            if action == .connect { action = machine.connected() }
            if case .requestAndVanish(_, let back) = action {
                action = .wait(until: back)
            } else if case .request(let request) = action {
                pages.append(request.page)
                action = machine.answered(VisitorMachineTests.admitted, now: now, rules: rules).action
            }
        }
        #expect(pages.last == .exit)
        #expect(action == .leave(.served))
    }

    @Test func basket_beforeTheLastPage_isHeldLong() {
        let rules = self.rules { $0.basketSeconds = 1_000 }
        var (machine, now) = self.asking()
        var pauses: [Int64] = []
        var action = machine.answered(VisitorMachineTests.admitted, now: now, rules: rules).action
        while case .wait(let until) = action {
            pauses.append(until.nanoseconds(since: now) / Self.second)
            now = until
            _ = machine.timerFired(now: now)
            action = machine.answered(VisitorMachineTests.admitted, now: now, rules: rules).action
        }
        #expect(pauses.count == 2)
        #expect(pauses[0] < 1_000 && pauses[1] >= 1_000)
    }

    @Test func kinds_saySomething_andCanAllBePlayed() throws {
        let manners = Manners()
        for kind in VisitorKind.allCases {
            let changed = kind.changed(manners, stretch: 1)
            try changed.check()
            #expect((changed == manners) == (kind == .visitor), "\(kind)")
        }
        let breaking = VisitorKind.allCases.filter { !$0.changed(manners, stretch: 1).keepsPlace }
        #expect(Set(breaking) == [.cookieless, .thief, .crawler])
    }
}

/// The pause that a machine is in, for tests that do not care how long it is.
private enum VisitorConduct {
    static func pause(_ machine: inout VisitorMachine) -> VisitorMachine.Action {
        // A timer that fires too early tells when the right moment is.
        machine.timerFired(now: Instant(nanoseconds: 0))
    }
}
