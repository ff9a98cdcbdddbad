import Primitives
import Testing

@testable import onsale

/// Who waits is packed and unpacked, and must not notice.
@Suite struct RestingVisitorTests {
    static let start = Instant(nanoseconds: 9_000_000_000_000)
    static let second = Nanoseconds.perSecond

    /// Random answers to random people, packed and unpacked wherever somebody may rest.
    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func anyHistory_isRememberedWhole(seed: UInt64) throws {
        var draw = SplitMix64(seed: seed)
        var scenario = Scenario(visitors: 40, durationSeconds: 60, seed: seed)
        scenario.manners.mostRetries = 6
        scenario.manners.noShowShare = 0
        var rested = 0
        for hasRoom in [true, false] {
            let rules = VisitorRules(scenario, startedAt: Self.start, hasRoom: hasRoom)
            for visitor in try Crowd(scenario).visitors {
                var machine = VisitorMachine(visitor, startedAt: Self.start)
                var now = machine.due
                var action = machine.arrive()
                for _ in 0..<60 where !machine.isGone {
                    action = Self.step(&machine, action, &now, rules, &draw)
                    guard case .wait = action else { continue }
                    if draw.drawFlag(share: 0.7) { machine.connectionEnded() }
                    guard let rest = machine.resting(startedAt: Self.start) else { continue }
                    rested += 1
                    let again = VisitorMachine(visitor, rest, startedAt: Self.start)
                    // Every field, those that are added later too.
                    #expect("\(again)" == "\(machine)")
                    machine = again
                }
            }
        }
        #expect(rested > 200)
    }

    private static func step(
        _ machine: inout VisitorMachine,
        _ action: VisitorMachine.Action,
        _ now: inout Instant,
        _ rules: VisitorRules,
        _ draw: inout SplitMix64
    ) -> VisitorMachine.Action {
        now = now.advanced(byNanoseconds: Int64(draw.nextUnit() * 3e8))
        switch action {
        case .connect:
            guard draw.drawFlag(share: 0.9) else {
                return machine.failed(.refused, nothingReceived: true, now: now, rules: rules).action
            }
            return machine.connected()
        case .request:
            guard draw.drawFlag(share: 0.9) else {
                return machine.failed(.broken, nothingReceived: true, now: now, rules: rules).action
            }
            return machine.answered(Self.answer(rules, &draw), now: now, rules: rules).action
        case .wait(let until), .requestAndVanish(_, let until):
            now = max(now, until)
            return machine.timerFired(now: now)
        case .none, .leave: return action
        }
    }

    private static func answer(_ rules: VisitorRules, _ draw: inout SplitMix64) -> Response {
        var response = Response(status: 200, standing: rules.hasRoom ? .admitted : .unguarded)
        response.keepsConnection = draw.drawFlag(share: 0.7)
        switch draw.drawInteger(0...9) {
        case 0: response.status = 503
        case 1...6 where rules.hasRoom:
            response.standing = draw.drawFlag(share: 0.5) ? .waiting : .atDoor
            response.page = WaitingPage(number: Int64(draw.drawInteger(1...4_000_000_000)), refreshSeconds: 3)
        default: break
        }
        return response
    }

    @Test func whatDoesNotFit_isNotPacked() {
        let visitor = VisitorMachineTests.visitor()
        let rules = VisitorRules(Scenario(visitors: 1, durationSeconds: 90, seed: 1), startedAt: Self.start)
        for (number, fits) in [(Int64(UInt32.max), true), (Int64(UInt32.max) + 1, false)] {
            var machine = VisitorMachine(visitor, startedAt: Self.start)
            let now = machine.due
            // Neither before the visit nor during a request does anybody rest.
            #expect(machine.resting(startedAt: Self.start) == nil)
            _ = machine.arrive()
            _ = machine.connected()
            #expect(machine.resting(startedAt: Self.start) == nil)
            let response = Response(
                status: 200,
                standing: .waiting,
                page: WaitingPage(number: number, refreshSeconds: 5)
            )
            _ = machine.answered(response, now: now, rules: rules)
            // Nor on a connection.
            #expect(machine.resting(startedAt: Self.start) == nil)
            machine.connectionEnded()
            #expect((machine.resting(startedAt: Self.start) != nil) == fits)
        }
    }

    @Test func seat_isSmall() {
        #expect(MemoryLayout<Seat>.stride + SeatWheel.bytesPerSeat <= 128)
    }

    static func jar(_ fields: [String]) -> CookieJar {
        var jar = CookieJar()
        for field in fields { Array(field.utf8).withUnsafeBytes { _ = jar.take(setCookie: $0) } }
        return jar
    }

    @Test func cookies_ofTheGatewaysKind_comeBackByteForByte() throws {
        var words = CookieWords()
        var draw = SplitMix64(seed: 5)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let nothing = words.pack(CookieJar())
        var packed: [(PackedCookies, CookieJar)] = [(try #require(nothing), CookieJar())]
        for index in 0..<200 {
            let token = String((0..<64).map { _ in alphabet[draw.drawInteger(0...63)] })
            let jar = Self.jar(["sluice-place-room\(index % 3)=\(token); Path=/"])
            let cookies = words.pack(jar)
            packed.append((try #require(cookies), jar))
        }
        for (cookies, jar) in packed {
            let again = words.unpack(cookies)
            #expect(again.header == jar.header && again.onlyPair == jar.onlyPair)
        }
    }

    @Test(arguments: [
        ["a=b"], ["place=\(String(repeating: "A", count: 63))"], ["place=\(String(repeating: "A", count: 63))%"],
        ["a=\(String(repeating: "A", count: 64))", "b=\(String(repeating: "A", count: 64))"],
    ])
    func cookies_ofAnotherKind_areNotPacked(fields: [String]) {
        var words = CookieWords()
        let packed = words.pack(Self.jar(fields))
        #expect(packed == nil)
    }

    @Test func tooManyNames_areNotPacked() {
        var words = CookieWords()
        let value = String(repeating: "A", count: 64)
        for index in 0..<CookieWords.mostNames {
            let packed = words.pack(Self.jar(["n\(index)=\(value)"]))
            #expect(packed != nil)
        }
        let oneMore = words.pack(Self.jar(["one-more=\(value)"]))
        let known = words.pack(Self.jar(["n0=\(value)"]))
        #expect(oneMore == nil && known != nil)
    }
}
