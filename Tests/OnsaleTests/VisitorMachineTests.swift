import Primitives
import Testing

@testable import onsale

@Suite struct VisitorMachineTests {
    static let second = Nanoseconds.perSecond
    let start = Instant(nanoseconds: 5_000_000_000_000)
    let scenario = Scenario(visitors: 1, durationSeconds: 90, seed: 1)
    var rules: VisitorRules { VisitorRules(self.scenario, startedAt: self.start) }

    static func visitor(
        patienceSeconds: Int64 = 600,
        requests: Int = 3,
        isNoShow: Bool = false,
        eager: Int64? = nil,
        leavesByPage: Bool = true,
        habit: Visitor.RetryHabit = .fixed
    ) -> Visitor {
        Visitor(
            index: 0,
            arrivalNanoseconds: 40 * Self.second,
            patienceNanoseconds: patienceSeconds * Self.second,
            requestCount: requests,
            isNoShow: isNoShow,
            eagerRefreshNanoseconds: eager,
            leavesByPage: leavesByPage,
            retryHabit: habit,
            seed: 99
        )
    }

    /// A visitor who has arrived, connected and asked.
    func asking(_ visitor: Visitor = Self.visitor()) -> (machine: VisitorMachine, now: Instant) {
        var machine = VisitorMachine(visitor, startedAt: self.start)
        let now = machine.due
        #expect(machine.arrive() == .connect)
        #expect(machine.connected() == .request(Self.request(1, .entrance, due: now)))
        return (machine, now)
    }

    static func waiting(number: Int64 = 12, refresh: Int64 = 5, opensIn: Int64 = 0) -> Response {
        Response(
            status: 200,
            standing: .waiting,
            page: WaitingPage(number: number, refreshSeconds: refresh, opensInSeconds: opensIn)
        )
    }
    /// The how manyeth request of the one visitor of these tests.
    static func request(_ ordinal: Int, _ page: VisitorMachine.Page, due: Instant) -> VisitorMachine.Request {
        .init(page: page, mark: RequestMark(visitor: 0, ordinal: UInt32(ordinal)), due: due)
    }

    static let admitted = Response(status: 200, standing: .admitted)

    func after(_ now: Instant, seconds: Double) -> Instant { now.advanced(byNanoseconds: Int64(seconds * 1e9)) }

    @Test func wholeWay_waitsAsToldThenBrowsesAndLeavesByThePage() throws {
        var (machine, now) = self.asking()
        var reaction = machine.answered(Self.waiting(refresh: 7), now: now, rules: self.rules)
        var due = self.after(now, seconds: 7)
        #expect(reaction == .init(heard: .waitingPage, action: .wait(until: due)))
        #expect(machine.isInLine && machine.placeNumber == 12 && machine.joinedAt == now)

        #expect(machine.timerFired(now: due) == .request(Self.request(2, .entrance, due: due)))
        now = self.after(due, seconds: 0.2)
        reaction = machine.answered(Self.admitted, now: now, rules: self.rules)
        #expect(reaction.heard == .exchange)
        #expect(machine.isInside && !machine.isInLine && machine.admittedAt == now)

        for (index, page) in [VisitorMachine.Page.browse(1), .exit].enumerated() {
            guard case .wait(let until) = reaction.action else {
                Issue.record("no pause to think: \(reaction.action)")
                return
            }
            #expect(until > now && until <= self.after(now, seconds: self.scenario.manners.longestThinkSeconds))
            due = until
            // The timer ran 3 ms late: latency still counts from the moment that was due.
            let request = Self.request(3 + index, page, due: due)
            #expect(machine.timerFired(now: self.after(due, seconds: 0.003)) == .request(request))
            #expect(machine.asksForExit == (page == .exit))
            now = self.after(due, seconds: 0.1)
            reaction = machine.answered(Self.admitted, now: now, rules: self.rules)
            #expect(reaction.heard == .inside)
        }
        #expect(reaction.action == .leave(.served))
        #expect(machine.isGone)
    }

    @Test func letInAtOnce_whenTheLineIsEmpty_isAnExchange() {
        var (machine, now) = self.asking(Self.visitor(requests: 1))
        #expect(
            machine.answered(Self.admitted, now: now, rules: self.rules)
                == .init(heard: .exchange, action: .leave(.served))
        )
        #expect(machine.placeNumber == nil)
    }

    /// Rules of a run past no waiting room, which begins so that visitors ask `seconds` before its opening.
    func openRules(secondsBeforeOpening seconds: Double) -> VisitorRules {
        let opening = self.scenario.curve.openingSeconds
        let arrival = Double(Self.visitor().arrivalNanoseconds) / 1e9
        return VisitorRules(
            self.scenario,
            startedAt: self.after(self.start, seconds: arrival + seconds - opening),
            hasRoom: false
        )
    }

    @Test func unguardedAnswer_afterTheOpening_isInsideWithoutAnExchange() {
        var (machine, now) = self.asking()
        let rules = self.openRules(secondsBeforeOpening: -1)
        #expect(machine.answered(Response(status: 200), now: now, rules: rules).heard == .inside)
        #expect(machine.isInside)
    }

    @Test func unguardedAnswer_beforeTheOpening_refreshesUntilThen() {
        var (machine, now) = self.asking()
        let rules = self.openRules(secondsBeforeOpening: 30)
        var looks = 0
        while !machine.isInside, looks < 100 {
            let reaction = machine.answered(Response(status: 200), now: now, rules: rules)
            #expect(reaction.heard == .inside && !machine.isInLine)
            guard !machine.isInside else { break }
            guard case .wait(let until) = reaction.action else {
                Issue.record("\(reaction.action)")
                return
            }
            looks += 1
            now = until
            #expect(machine.timerFired(now: now) == .request(Self.request(looks + 1, .entrance, due: until)))
        }
        #expect(looks > 1 && looks < 100)
        let lateSeconds = Double(now.nanoseconds(since: rules.openingAt)) / 1e9
        #expect((0...self.scenario.manners.openingReactionSeconds).contains(lateSeconds))
    }

    @Test func unguardedAnswer_whereARoomShouldBe_isAnError() {
        var (machine, now) = self.asking()
        let reaction = machine.answered(Response(status: 200), now: now, rules: self.rules)
        #expect(reaction.heard == .error(.badAnswer) && !machine.isInside)
    }

    @Test(arguments: [("waiting", Response.Standing.waiting), ("at-door", .atDoor), ("Joining", .waiting)])
    func standing_ofThoseNotIn_isOutside(value: String, expected: Response.Standing) {
        let standing = Array(value.utf8).withUnsafeBytes { Response.Standing(headerValue: $0) }
        #expect(standing == expected && standing.isOutside)
    }

    @Test func pageAtTheDoor_isHeardAsOne() {
        var (machine, now) = self.asking()
        var answer = Self.waiting(refresh: 1)
        answer.standing = .atDoor
        #expect(
            machine.answered(answer, now: now, rules: self.rules)
                == .init(heard: .doorPage, action: .wait(until: self.after(now, seconds: 1)))
        )
    }

    /// A page of the sale that another request asked for is an error, as is a 5xx that nobody or everybody signs.
    @Test func page_ofAnotherRequest_isAnError() {
        var (machine, now) = self.asking()
        let foreign = Response(status: 200, standing: .admitted, hasMark: false)
        #expect(machine.answered(foreign, now: now, rules: self.rules).heard == .error(.foreignPage))
        #expect(!machine.isInside)
        let kinds: [(isGatewayError: Bool, hasMark: Bool, kind: ErrorKind)] = [
            (true, false, .gatewayError), (false, true, .workerError), (true, true, .unsignedError),
            (false, false, .unsignedError),
        ]
        for (isGatewayError, hasMark, kind) in kinds {
            (machine, now) = self.asking()
            let answer = Response(status: 502, isGatewayError: isGatewayError, hasMark: hasMark)
            #expect(machine.answered(answer, now: now, rules: self.rules).heard == .error(kind))
        }
    }

    @Test(arguments: ["", "inside", "admitted, admitted"])
    func standing_thatNobodySends_isUnknown(value: String) {
        let standing = Array(value.utf8).withUnsafeBytes { Response.Standing(headerValue: $0) }
        #expect(standing == .unknown)
    }

    @Test func joiningAnswer_withoutANumber_isInLineWithoutAPlace() {
        var (machine, now) = self.asking(Self.visitor(isNoShow: true))
        let joining = Response(status: 200, standing: .waiting, page: WaitingPage(number: nil, refreshSeconds: 3))
        let reaction = machine.answered(joining, now: now, rules: self.rules)
        #expect(reaction == .init(heard: .waitingPage, action: .wait(until: self.after(now, seconds: 3))))
        #expect(machine.placeNumber == nil && machine.joinedAt == now)
    }

    @Test func timer_firedEarly_waitsOn() {
        var (machine, now) = self.asking()
        _ = machine.answered(Self.waiting(), now: now, rules: self.rules)
        let until = self.after(now, seconds: 5)
        #expect(machine.timerFired(now: self.after(now, seconds: 4)) == .wait(until: until))
        _ = machine.stop()
        #expect(machine.timerFired(now: until) == .none)
    }

    @Test func noShow_takesAPlaceAndIsGone() {
        var (machine, now) = self.asking(Self.visitor(isNoShow: true))
        #expect(
            machine.answered(Self.waiting(), now: now, rules: self.rules)
                == .init(heard: .waitingPage, action: .leave(.noShow))
        )
        #expect(machine.placeNumber == 12)
    }

    @Test func patience_atItsEnd_leavesTheLine() {
        var (machine, now) = self.asking(Self.visitor(patienceSeconds: 8))
        _ = machine.answered(Self.waiting(refresh: 5), now: now, rules: self.rules)
        let due = self.after(now, seconds: 5)
        _ = machine.timerFired(now: due)
        let end = self.after(now, seconds: 8)
        #expect(
            machine.answered(Self.waiting(refresh: 5), now: due, rules: self.rules).action == .wait(until: end)
        )
        #expect(machine.timerFired(now: end) == .leave(.abandoned))
    }

    @Test func patience_beforeTheOpening_isNotUsedUp() {
        var (machine, now) = self.asking(Self.visitor(patienceSeconds: 8))
        _ = machine.answered(Self.waiting(refresh: 20, opensIn: 30), now: now, rules: self.rules)
        let due = self.after(now, seconds: 20)
        #expect(machine.timerFired(now: due) == .request(Self.request(2, .entrance, due: due)))
        #expect(
            machine.answered(Self.waiting(refresh: 60), now: due, rules: self.rules).action
                == .wait(until: self.after(now, seconds: 38))
        )
    }

    @Test func estimate_beyondPatience_isNotWaitedFor() {
        var (machine, now) = self.asking(Self.visitor(patienceSeconds: 60))
        var answer = Self.waiting()
        answer.page?.estimateSeconds = 61...90
        #expect(machine.answered(answer, now: now, rules: self.rules).action == .leave(.abandoned))
    }

    @Test func eagerVisitor_nearTheOpening_refreshesByHand() {
        let eager = Self.visitor(eager: 500_000_000)
        var (machine, now) = self.asking(eager)
        // The opening of this scenario is long past when this visitor comes.
        #expect(
            machine.answered(Self.waiting(refresh: 5), now: now, rules: self.rules).action
                == .wait(until: self.after(now, seconds: 5))
        )
        now = self.rules.openingAt
        (machine, _) = self.asking(eager)
        #expect(
            machine.answered(Self.waiting(refresh: 5), now: now, rules: self.rules).action
                == .wait(until: self.after(now, seconds: 0.5))
        )
    }

    @Test(arguments: [(0, nil, 5.0), (0, 9, 9.0), (100_000, nil, 300.0), (-4, nil, 5.0)] as [(Int64, Int64?, Double)])
    func refresh_oddTimes_areBounded(told: Int64, retryAfter: Int64?, expected: Double) {
        var (machine, now) = self.asking()
        var answer = Self.waiting(refresh: told)
        answer.retryAfterSeconds = retryAfter
        #expect(
            machine.answered(answer, now: now, rules: self.rules).action
                == .wait(until: self.after(now, seconds: expected))
        )
    }

    @Test func waitingAnswer_withoutAPage_isAnError() {
        var (machine, now) = self.asking()
        #expect(
            machine.answered(Response(status: 200, standing: .waiting), now: now, rules: self.rules).heard
                == .error(.badAnswer)
        )
    }

    @Test func staleConnection_isAskedAgainOnce() {
        var (machine, now) = self.asking()
        _ = machine.answered(Self.waiting(), now: now, rules: self.rules)
        let due = self.after(now, seconds: 5)
        _ = machine.timerFired(now: due)
        #expect(
            machine.failed(.broken, nothingReceived: true, now: due, rules: self.rules)
                == .init(heard: .staleConnection, action: .connect)
        )
        #expect(machine.connected() == .request(Self.request(3, .entrance, due: due)))
        #expect(
            machine.failed(.broken, nothingReceived: true, now: due, rules: self.rules).heard == .error(.broken)
        )
    }

    @Test func brokenAnswer_onAUsedConnection_isAnError() {
        var (machine, now) = self.asking()
        _ = machine.answered(Self.waiting(), now: now, rules: self.rules)
        let due = self.after(now, seconds: 5)
        _ = machine.timerFired(now: due)
        #expect(
            machine.failed(.broken, nothingReceived: false, now: due, rules: self.rules).heard == .error(.broken)
        )
    }

    @Test func closedConnection_whilePausing_isOpenedAgain() {
        var (machine, now) = self.asking()
        _ = machine.answered(Self.waiting(), now: now, rules: self.rules)
        machine.connectionEnded()
        let due = self.after(now, seconds: 5)
        #expect(machine.timerFired(now: due) == .connect)
        #expect(machine.connected() == .request(Self.request(2, .entrance, due: due)))
    }

    @Test func endedSession_standsInLineAgain() {
        var (machine, now) = self.asking()
        _ = machine.answered(Self.waiting(), now: now, rules: self.rules)
        now = self.after(now, seconds: 5)
        _ = machine.timerFired(now: now)
        guard case .wait(let until) = machine.answered(Self.admitted, now: now, rules: self.rules).action else {
            return
        }
        _ = machine.timerFired(now: until)
        _ = machine.answered(Self.waiting(), now: until, rules: self.rules)
        #expect(machine.isInLine)
    }

    /// Whatever a server does, one thing is pending at a time, tries are bounded and the way ends.
    @Test(arguments: 1...60 as ClosedRange<UInt64>)
    func anyServer_neverTrapsAVisitor(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        let crowd = try Crowd(Scenario(visitors: 60, durationSeconds: 60, seed: seed).withEveryKind())
        let rules = VisitorRules(crowd.scenario, startedAt: self.start)
        for visitor in crowd {
            var machine = VisitorMachine(visitor, startedAt: self.start)
            var now = machine.due
            var action = machine.arrive()
            var steps = 0
            var ended = false
            while !ended {
                steps += 1
                try #require(steps < 500_000, "seed \(seed), visitor \(visitor.index): no end")
                now = now.advanced(byNanoseconds: Int64(draw.nextUnit() * 1e8))
                switch action {
                case .none:
                    Issue.record("seed \(seed), visitor \(visitor.index): nothing pending")
                    ended = true
                case .connect where draw.drawFlag(share: 0.1):
                    action =
                        machine.failed(.refused, nothingReceived: true, now: now, rules: rules).action
                case .connect:
                    action = machine.connected()
                case .request(let request):
                    #expect(request.due <= now)
                    if draw.drawFlag(share: 0.1) {
                        let nothing = draw.drawFlag(share: 0.5)
                        action =
                            machine.failed(.broken, nothingReceived: nothing, now: now, rules: rules).action
                    } else {
                        action = machine.answered(Self.anyAnswer(&draw), now: now, rules: rules).action
                    }
                case .requestAndVanish(let request, let until):
                    #expect(request.due <= now && request.page != .exit)
                    now = max(now, until)
                    action = machine.timerFired(now: now)
                case .wait(let until):
                    if draw.drawFlag(share: 0.05) { machine.connectionEnded() }
                    now = max(now, until)
                    action = machine.timerFired(now: now)
                case .leave:
                    #expect(machine.isGone)
                    #expect(machine.stop() == .none)
                    ended = true
                }
            }
        }
    }

    static func anyAnswer(_ draw: inout SplitMix64) -> Response {
        var answer = Response(status: [200, 200, 200, 200, 302, 404, 429, 500, 503][draw.drawInteger(0...8)])
        answer.keepsConnection = draw.drawFlag(share: 0.9)
        answer.hasMark = draw.drawFlag(share: 0.9)
        switch draw.drawInteger(0...3) {
        case 0: answer.standing = .admitted
        case 1: break
        default:
            answer.standing = .waiting
            answer.page = WaitingPage(
                number: Int64(draw.drawInteger(1...3)),
                refreshSeconds: Int64(draw.drawInteger(-5...400)),
                opensInSeconds: Int64(draw.drawInteger(-5...5))
            )
            answer.retryAfterSeconds = Int64(draw.drawInteger(-5...5))
        }
        return answer
    }
}
