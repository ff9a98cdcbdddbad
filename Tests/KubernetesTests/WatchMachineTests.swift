import Kubernetes
import Primitives
import Testing

@Suite struct WatchMachineTests {
    private let start = Instant(nanoseconds: 1_000_000_000)
    private func at(_ seconds: Int64) -> Instant { self.start.advanced(byNanoseconds: seconds * Nanoseconds.perSecond) }

    /// Has listed, and watches from version 7.
    private func watching() -> WatchMachine {
        var machine = WatchMachine(seed: 1)
        _ = machine.start()
        _ = machine.listed(version: "7", next: nil, now: self.start)
        return machine
    }

    private func isPause(_ actions: [WatchMachine.Action]) -> Bool {
        if actions.count == 1, case .wait? = actions.first { true } else { false }
    }

    private static let pods = APIResource(group: "", version: "v1", namespace: "n", plural: "pods")
    private static func gone() -> APIFailure {
        APIFailure(APIResponse(status: 410), to: APIRequest(.watch, Self.pods))
    }

    @Test func list_ofSeveralPages_isTakenAsAWhole() {
        var machine = WatchMachine(seed: 1)
        #expect(machine.start() == [.dropPages, .list(continue: nil)])
        #expect(machine.listed(version: "7", next: "more", now: self.start) == [.list(continue: "more")])
        #expect(!machine.isSynced)
        #expect(machine.listed(version: "7", next: nil, now: self.start) == [.takePages, .watch(from: "7")])
        #expect(machine.isSynced)
    }

    /// What a page goes on from may be too old by then: the next list begins at the beginning.
    @Test func list_failsBetweenPages_beginsAnew() {
        var machine = WatchMachine(seed: 1)
        _ = machine.start()
        _ = machine.listed(version: "7", next: "more", now: self.start)
        #expect(self.isPause(machine.listFailed(Self.gone(), now: self.start)))
        #expect(machine.failingSince == self.start)
        #expect(machine.timerFired(now: self.at(1)) == [.dropPages, .list(continue: nil)])
        _ = machine.listed(version: "9", next: nil, now: self.at(1))
        #expect(machine.failingSince == nil)
    }

    @Test func events_moveTheVersionFromWhichItGoesOn() {
        let cases: [(WatchMachine.StreamEvent, [WatchMachine.Action], String)] = [
            (.added(version: "8"), [.upsert], "8"), (.modified(version: "9"), [.upsert], "9"),
            (.deleted(version: "10"), [.remove], "10"), (.bookmark(version: "99"), [], "99"),
        ]
        for (event, actions, version) in cases {
            var machine = self.watching()
            #expect(machine.took(event, now: self.at(1)) == actions)
            #expect(machine.streamEnded(nil, now: self.at(2)) == [.watch(from: version)], "\(event)")
        }
    }

    @Test func stream_broken_goesOnFromWhereItWasAfterAPause() {
        var machine = self.watching()
        _ = machine.took(.added(version: "8"), now: self.start)
        #expect(self.isPause(machine.streamEnded(.unreachable("broken"), now: self.at(1))))
        #expect(machine.failingSince == self.at(1))
        #expect(machine.timerFired(now: self.at(2)) == [.watch(from: "8")])
        // It is well again when something is heard, and not before.
        #expect(machine.failingSince == self.at(1))
        _ = machine.took(.bookmark(version: "8"), now: self.at(3))
        #expect(machine.failingSince == nil)
    }

    /// As the answer to the question, and within the stream.
    @Test func version_tooOld_listsAgain() {
        var machine = self.watching()
        #expect(self.isPause(machine.streamEnded(Self.gone(), now: self.at(1))))
        #expect(machine.timerFired(now: self.at(2)) == [.dropPages, .list(continue: nil)])
        machine = self.watching()
        let actions = machine.took(.error(code: 410), now: self.at(1))
        #expect(actions.first == .closeStream && self.isPause(Array(actions.dropFirst())))
        #expect(machine.timerFired(now: self.at(2)) == [.dropPages, .list(continue: nil)])
        #expect(machine.isSynced, "what is known stays known meanwhile")
    }

    @Test func error_ofAnotherKind_goesOnFromWhereItWas() {
        var machine = self.watching()
        #expect(machine.took(.error(code: 500), now: self.at(1)).first == .closeStream)
        #expect(machine.timerFired(now: self.at(2)) == [.watch(from: "7")])
    }

    /// A version that the server does not take, or a watch that is not allowed: a list now and then is what is left. That
    /// it goes well is no sign that anything follows.
    @Test func stream_failsAgainAndAgain_listsNowAndThen() {
        let refused = APIFailure(APIResponse(status: 403), to: APIRequest(.watch, Self.pods))
        let ways: [(inout WatchMachine, Instant) -> Void] = [
            { _ = $0.streamEnded(refused, now: $1) }, { _ = $0.took(.error(code: 500), now: $1) },
        ]
        for fail in ways {
            var machine = self.watching()
            var lists = 0
            for second: Int64 in 1...10 {
                fail(&machine, self.at(second))
                guard machine.timerFired(now: self.at(second)).contains(.list(continue: nil)) else { continue }
                lists += 1
                _ = machine.listed(version: "9", next: nil, now: self.at(second))
                #expect(machine.failingSince == self.at(1))
            }
            #expect(lists == 2)
            _ = machine.took(.bookmark(version: "9"), now: self.at(11))
            #expect(machine.failingSince == nil)
            fail(&machine, self.at(12))
            #expect(machine.timerFired(now: self.at(13)) == [.watch(from: "9")], "it counts anew")
        }
    }

    /// What an event said that nobody could read may be anything: only a list tells the truth.
    @Test func event_unreadable_listsAgain() {
        var machine = self.watching()
        #expect(machine.took(.unreadable, now: self.at(1)).first == .closeStream)
        #expect(machine.timerFired(now: self.at(2)) == [.dropPages, .list(continue: nil)])
    }

    /// A server that ends every stream at once is not asked without a pause.
    @Test func stream_endedAtOnceWithoutAWord_isAPause() {
        var machine = self.watching()
        #expect(self.isPause(machine.streamEnded(nil, now: self.start)))
        #expect(machine.timerFired(now: self.at(1)) == [.watch(from: "7")])
        #expect(machine.streamEnded(nil, now: self.at(60)) == [.watch(from: "7")])
    }

    @Test func events_afterTheEnd_areNobodys() {
        var machine = self.watching()
        #expect(machine.stop() == [.closeStream])
        #expect(machine.took(.added(version: "8"), now: self.at(1)) == [])
        #expect(machine.streamEnded(nil, now: self.at(1)) == [] && machine.timerFired(now: self.at(1)) == [])
        #expect(machine.stop() == [])
    }

    @Test func pauses_growUntilSomethingIsHeard() {
        var machine = self.watching()
        var longest: Int64 = 0
        for _ in 0..<20 {
            guard case .wait(let nanoseconds)? = machine.streamEnded(.unreachable("x"), now: self.at(1)).last else {
                Issue.record("no pause")
                return
            }
            longest = max(longest, nanoseconds)
            _ = machine.timerFired(now: self.at(1))
            _ = machine.listed(version: "7", next: nil, now: self.at(1))
        }
        #expect(longest > Nanoseconds.perSecond && longest <= 10 * Nanoseconds.perSecond)
        _ = machine.took(.bookmark(version: "8"), now: self.at(1))
        guard case .wait(let first)? = machine.streamEnded(.unreachable("x"), now: self.at(1)).last else {
            Issue.record("no pause")
            return
        }
        #expect(first <= 200 * Nanoseconds.perMillisecond)
    }
}
