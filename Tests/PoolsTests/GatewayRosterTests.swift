import Primitives
import Scaling
import Testing

@testable import Pools

/// What the age of a gateway's report means.
@Suite struct GatewayRosterTests {
    private static func report(_ gateway: String, ageSeconds: Double) -> GatewaySignals {
        GatewaySignals(gateway: gateway, ageMicros: Int64(ageSeconds * 1e6), intervalMicros: 1_000_000, arrivals: 7)
    }

    @Test(
        arguments: [
            (0, "fresh"), (3.5, "fresh"), (3.6, "held"), (30, "held"), (30.1, "silent"), (300, "silent"),
            (300.1, "nothing"),
        ] as [(Double, String)]
    )
    func report_ofAnAge_counts(ageSeconds: Double, meaning: String) {
        var roster = GatewayRoster()
        let look = roster.look([Self.report("g", ageSeconds: ageSeconds)])
        #expect(look.fresh.count == (meaning == "fresh" ? 1 : 0))
        #expect(look.held.count == (meaning == "held" ? 1 : 0))
        #expect(look.silent.count == (["held", "silent"].contains(meaning) ? 1 : 0))
        #expect(look.events == (look.silent.isEmpty ? [] : [.fellSilent("g")]))
    }

    /// One that stops in order takes its report away while it is fresh: nothing is to be remembered.
    @Test func withdrawal_isNoSilence() {
        var roster = GatewayRoster()
        _ = roster.look([Self.report("a", ageSeconds: 0), Self.report("b", ageSeconds: 1)])
        let look = roster.look([Self.report("a", ageSeconds: 0)])
        #expect(look.fresh.map(\.gateway) == ["a"] && look.silent.isEmpty && look.events.isEmpty)
    }

    @Test func silence_isToldOnce_andSoIsItsEnd() {
        var roster = GatewayRoster()
        func look(_ age: Double?) -> GatewayRoster.Look {
            roster.look([Self.report("a", ageSeconds: 0)] + (age.map { [Self.report("b", ageSeconds: $0)] } ?? []))
        }
        #expect(look(1).events.isEmpty)
        #expect(look(4).events == [.fellSilent("b")])
        #expect(look(5).events.isEmpty)
        #expect(look(100).silent == [.init(gateway: "b", silentMicros: 100_000_000)])
        #expect(look(0).events == [.isBack("b")])
        #expect(look(4).events == [.fellSilent("b")])
        #expect(look(nil).events == [.withdrew("b")])
        #expect(look(nil).events.isEmpty)
        #expect(look(299).events == [.fellSilent("b")])
        #expect(roster.forgotten == 0)
        #expect(look(301).events == [.forgotten("b")] && roster.forgotten == 1)
        #expect(look(302).events.isEmpty && roster.forgotten == 1)
        #expect(look(0).events == [.isBack("b")], "one that was given up may come back")
        #expect(look(nil).events.isEmpty)
    }

    /// What is seen of its process is asked only when it does not report, and only where that is told.
    @Test(
        arguments: [
            (0, "fresh"), (3.5, "fresh"), (3.6, "keeps"), (30, "keeps"), (30.1, "nothing"), (299, "nothing"),
            (301, "nothing"),
        ] as [(Double, String)]
    )
    func report_ofAProcessThatIsGone_counts(ageSeconds: Double, meaning: String) {
        let process = ProcessIdentity(place: "h/b.n", pid: 7, startTicks: 9)
        var report = Self.report("g", ageSeconds: ageSeconds)
        report.process = process
        var roster = GatewayRoster()
        let look = roster.look([report, Self.report("old", ageSeconds: 200)]) { $0 == process }
        #expect(look.fresh.count == (meaning == "fresh" ? 1 : 0))
        #expect(look.held.isEmpty)
        let silent = look.silent.filter { $0.gateway == "g" }
        #expect(silent.map(\.isGone) == (meaning == "keeps" ? [true] : []))
        #expect(look.hidesRequests, "of the other nothing is known")
        #expect(look.events == (meaning == "fresh" ? [] : [.died("g")]) + [.fellSilent("old")])
    }

    @Test func death_isToldOnce_andIsNoSilence() {
        var report = Self.report("b", ageSeconds: 4)
        report.process = ProcessIdentity(place: "h/b.n", pid: 7, startTicks: 9)
        var roster = GatewayRoster()
        func look(_ age: Int64, isGone: Bool) -> GatewayRoster.Look {
            report.ageMicros = age * 1_000_000
            return roster.look([report]) { _ in isGone }
        }
        #expect(look(4, isGone: false).events == [.fellSilent("b")])
        #expect(look(5, isGone: true).events == [.died("b")])
        let later = look(6, isGone: false)
        #expect(later.events.isEmpty && later.silent.map(\.isGone) == [true], "who is dead stays so")
        #expect(!later.hidesRequests)
        #expect(look(31, isGone: true).silent.isEmpty)
        #expect(look(301, isGone: true).events.isEmpty && roster.forgotten == 0)
    }

    /// A new leader finds those that fell silent before its time on the board.
    @Test func newLeader_knowsWhoIsSilent() {
        var roster = GatewayRoster()
        #expect(roster.look([Self.report("a", ageSeconds: 0), Self.report("b", ageSeconds: 200)]).silent.count == 1)
    }
}
