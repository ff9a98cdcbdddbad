import Primitives
import Scaling
import Settings
import Testing

@testable import Gateway

/// How long a tunnel may go on, as a table of what happened to it.
@Suite struct TunnelTermTests {
    private static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }

    private static let settings = {
        var settings = TunnelSettings()
        settings.idleTimeoutNanoseconds = 60 * Nanoseconds.perSecond
        return settings
    }()

    private var fresh: TunnelTerm { TunnelTerm(opened: Self.at(100)) }

    @Test func silence_endsIt_andEveryByteBeginsItAnew() {
        var term = self.fresh
        #expect(term.verdict(now: Self.at(100), Self.settings) == .goOn(until: Self.at(160)))
        #expect(term.verdict(now: Self.at(160), Self.settings) == .end(.idle))
        term.moved(now: Self.at(159))
        #expect(term.verdict(now: Self.at(160), Self.settings) == .goOn(until: Self.at(219)))
        #expect(term.verdict(now: Self.at(219), Self.settings) == .end(.idle))
    }

    @Test func lifetime_endsIt_howeverBusyItIs() {
        var settings = Self.settings
        settings.lifetimeNanoseconds = 90 * Nanoseconds.perSecond
        var term = self.fresh
        #expect(term.verdict(now: Self.at(100), settings) == .goOn(until: Self.at(160)))
        term.moved(now: Self.at(189))
        #expect(term.verdict(now: Self.at(189), settings) == .goOn(until: Self.at(190)))
        #expect(term.verdict(now: Self.at(190), settings) == .end(.lifetime))
    }

    /// New settings are in force for tunnels that are open.
    @Test func settings_areThoseOfNow() {
        var settings = Self.settings
        settings.idleTimeoutNanoseconds = 5 * Nanoseconds.perSecond
        #expect(self.fresh.verdict(now: Self.at(110), Self.settings) == .goOn(until: Self.at(160)))
        #expect(self.fresh.verdict(now: Self.at(110), settings) == .end(.idle))
    }

    @Test(arguments: [TunnelEnd.client, .worker])
    func oneSideEnded_theOtherMayTalk_butNotBeSilentForLong(side: TunnelEnd) {
        var term = self.fresh
        term.sideEnded(side, now: Self.at(110))
        #expect(term.firstEnd == side)
        #expect(term.verdict(now: Self.at(139), Self.settings) == .goOn(until: Self.at(140)))
        term.moved(now: Self.at(139))
        #expect(term.verdict(now: Self.at(168), Self.settings) == .goOn(until: Self.at(169)))
        #expect(term.verdict(now: Self.at(169), Self.settings) == .end(side))
    }

    @Test func notice_theEarliestCounts() {
        var term = self.fresh
        term.mustEnd(.session, by: Self.at(120))
        term.mustEnd(.draining, by: Self.at(125))
        #expect(term.verdict(now: Self.at(119), Self.settings) == .goOn(until: Self.at(120)))
        #expect(term.verdict(now: Self.at(120), Self.settings) == .end(.session))
        term.mustEnd(.draining, by: Self.at(110))
        #expect(term.verdict(now: Self.at(110), Self.settings) == .end(.draining))
    }

    /// Nobody has less than half of the grace, nobody more than all of it, and they do not go all together.
    @Test func drain_isSpreadOverTheSecondHalfOfTheGrace() {
        var random = SplitMix64(seed: 5)
        let grace = 10 * Nanoseconds.perSecond
        let ends = (0..<1_000).map { _ in
            TunnelTerm.drainNanoseconds(graceNanoseconds: grace, random: random.next())
        }
        #expect(ends.allSatisfy { $0 >= grace / 2 && $0 <= grace })
        let late = ends.count { $0 > grace * 3 / 4 }
        #expect((400...600).contains(late), "\(late) of 1000 in the last quarter")
        for grace in [0, 1] as [Int64] {
            #expect((0...grace).contains(TunnelTerm.drainNanoseconds(graceNanoseconds: grace, random: random.next())))
        }
    }
}

/// What tunnels are to the policy that decides how many workers there are.
@Suite struct TunnelSampleTests {
    @Test(arguments: [(0, 10, 4), (1, 10, 5), (10, 10, 5), (11, 10, 6), (500, 1, 504)])
    func slotsTaken_tunnelsCountByTheirWeight(tunnels: Int, perSlot: Int, slots: Int) {
        var sample = PoolSample()
        sample.inFlight = 4
        sample.tunnels = tunnels
        sample.tunnelsPerSlot = perSlot
        let signals = GatewaySignals(sample, of: "g", rooms: [:], intervalMicros: 1, process: nil)
        #expect(signals.inFlight == slots)
    }

    /// Three loops with a tunnel each: one slot, not three.
    @Test func loops_areAddedUpBeforeTheyAreWeighed() {
        var sum = PoolSample()
        for _ in 0..<3 {
            var part = PoolSample()
            part.tunnels = 1
            part.tunnelsPerSlot = 10
            sum.add(part)
        }
        #expect(sum.tunnels == 3 && sum.slotsTaken == 1)
    }
}
