import Addresses
import Primitives
import Testing

@testable import Pools

/// Decisions about a cloud's instances, step by step; whole courses are with the drivers.
@Suite struct CloudFleetTests {
    private static func limits(canRetire: Bool = true, maxWorkers: Int = 10) -> CloudFleet.Limits {
        CloudFleet.Limits(
            startTimeoutNanoseconds: 30 * Nanoseconds.perSecond,
            drainTimeoutNanoseconds: 20 * Nanoseconds.perSecond,
            probeFailures: 3,
            maxWorkers: maxWorkers,
            canRetire: canRetire
        )
    }

    private func at(_ seconds: Int64) -> Instant {
        Instant(nanoseconds: 0).advanced(byNanoseconds: seconds * 1_000_000_000)
    }

    private func list(_ ids: [String], _ state: InstanceList.State = .running) -> InstanceList {
        InstanceList(
            ids.map {
                .init(id: $0, address: .ipv4(UInt32($0.utf8.reduce(0) { $0 + Int($1) }), port: 80), state: state)
            }
        )
    }

    /// Outside of the macro, which cannot take a change.
    private func check(_ holds: Bool, _ comment: Comment? = nil, at location: SourceLocation = #_sourceLocation) {
        #expect(holds, comment, sourceLocation: location)
    }

    /// Ready instances of these names, with that many desired.
    private func fleet(_ ids: [String], desired: Int, canRetire: Bool = true, maxWorkers: Int = 10) -> CloudFleet {
        var fleet = CloudFleet(limits: Self.limits(canRetire: canRetire, maxWorkers: maxWorkers), seed: 1)
        self.check(fleet.listed(self.list(ids), now: self.at(0), wallMicros: 0))
        for id in ids { self.check(fleet.probed(id, isWell: true, now: self.at(1)) == nil) }
        fleet.reconcile(desired: desired, inFlight: [:], now: self.at(2))
        return fleet
    }

    @Test func nothing_isToldBeforeTheFirstList() {
        var fleet = CloudFleet(limits: Self.limits(), seed: 1)
        fleet.reconcile(desired: 5, inFlight: [:], now: self.at(0))
        self.check(fleet.nextAction(now: self.at(0)) == nil && fleet.state.pending.count == 5)
        self.check(fleet.listed(self.list([]), now: self.at(1), wallMicros: 0))
        self.check(fleet.nextAction(now: self.at(1)) == nil, "that was wanted by who did not know whom there is")
        fleet.reconcile(desired: 5, inFlight: [:], now: self.at(1))
        self.check(fleet.nextAction(now: self.at(1)) == .scale(5))
        self.check(fleet.nextAction(now: self.at(1)) == .scale(5), "until it is reported as done")
        fleet.scaled(to: 5, now: self.at(2))
        self.check(fleet.nextAction(now: self.at(2)) == nil)
    }

    /// The time that a start takes counts from when it was ordered, not from when it was listed.
    @Test func start_countsFromItsOrder() {
        var fleet = CloudFleet(limits: Self.limits(), seed: 1)
        self.check(fleet.listed(self.list([]), now: self.at(0), wallMicros: 0))
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(0))
        fleet.scaled(to: 1, now: self.at(0))
        self.check(fleet.listed(self.list(["a"], .starting), now: self.at(10), wallMicros: 0))
        self.check(fleet.probed("a", isWell: true, now: self.at(25)) == 25 * Nanoseconds.perSecond)
    }

    /// Seen before: who took over learned from instances that had run for days that a start takes no time.
    @Test func firstList_tellsNothingOfStarts() {
        var fleet = CloudFleet(limits: Self.limits(), seed: 1)
        self.check(fleet.listed(self.list(["a"]), now: self.at(8), wallMicros: 0))
        self.check(fleet.listed(self.list(["a", "b"]), now: self.at(10), wallMicros: 0))
        self.check(fleet.probed("a", isWell: true, now: self.at(11)) == nil && fleet.state.ready == 1)
        self.check(fleet.probed("b", isWell: true, now: self.at(11)) == Nanoseconds.perSecond)
    }

    /// Whoever takes over waits for a word of each, good or bad, and not for long.
    @Test func all_areKnown_onceEachWasAsked_orHadItsTime() {
        var fleet = CloudFleet(limits: Self.limits(), seed: 1)
        self.check(!fleet.isKnown(now: self.at(60)), "there is no list")
        self.check(fleet.listed(self.list(["a", "b"]), now: self.at(60), wallMicros: 0))
        self.check(fleet.probed("a", isWell: true, now: self.at(60)) == nil)
        self.check(!fleet.isKnown(now: self.at(60)) && fleet.isKnown(now: self.at(61)))
        self.check(fleet.probed("b", isWell: false, now: self.at(60)) == nil)
        self.check(fleet.isKnown(now: self.at(60)))
    }

    /// Who was leaving and runs again was not started now, either.
    @Test func whoIsBack_tellsNothingOfStarts() {
        var fleet = self.fleet(["a"], desired: 2)
        self.check(fleet.listed(self.list(["a", "b"]), now: self.at(3), wallMicros: 0))
        let both = self.list(["a"]).instances + self.list(["b"], .leaving).instances
        self.check(fleet.listed(InstanceList(both), now: self.at(5), wallMicros: 0))
        self.check(fleet.listed(self.list(["a", "b"]), now: self.at(600), wallMicros: 0))
        self.check(fleet.probed("b", isWell: true, now: self.at(601)) == nil && fleet.state.ready == 2)
    }

    /// With a command to retire, the size is never lowered by a number: the cloud would choose who goes.
    @Test func lessIsDesired_oneByOneIsRetired() {
        var fleet = self.fleet(["a", "b", "c"], desired: 1)
        self.check(fleet.nextAction(now: self.at(2)) == nil && fleet.state.ready == 1 && fleet.state.draining == 2)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(5))
        guard case .retire(let first)? = fleet.nextAction(now: self.at(5)) else {
            Issue.record("nobody is retired")
            return
        }
        fleet.retired(first, now: self.at(6))
        guard case .retire(let second)? = fleet.nextAction(now: self.at(6)) else {
            Issue.record("the other one is not retired")
            return
        }
        #expect(first != second)
        fleet.retired(second, now: self.at(7))
        // The cloud lists them for a while.
        self.check(fleet.listed(self.list(["a", "b", "c"]), now: self.at(8), wallMicros: 0))
        self.check(fleet.nextAction(now: self.at(8)) == nil && fleet.crashes == 0)
    }

    /// Seen before: where the cloud keeps more than the pool wants, those that had drained served nobody ever again.
    @Test func retirement_isRefused_whoDrainedServesOnWhenItIsWanted() {
        var fleet = self.fleet(["a", "b", "c"], desired: 1)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(5))
        var tried: Set<String> = []
        for _ in 0..<2 {
            guard case .retire(let id)? = fleet.nextAction(now: self.at(6)) else { continue }
            fleet.began(.retire(id))
            fleet.refused(.retire(id))
            tried.insert(id)
        }
        self.check(tried.count == 2, "one after the other is tried: \(tried)")
        guard case .retire(let id)? = fleet.nextAction(now: self.at(7)) else {
            Issue.record("nobody is to go any more")
            return
        }
        fleet.began(.retire(id))
        fleet.reconcile(desired: 3, inFlight: [:], now: self.at(7))
        self.check(fleet.state.ready == 2, "whom the cloud is being told to end is not taken back")
        fleet.refused(.retire(id))
        fleet.reconcile(desired: 3, inFlight: [:], now: self.at(8))
        self.check(fleet.state.ready == 3 && fleet.nextAction(now: self.at(8)) == nil)
    }

    /// One that failed, or that an operator wants gone, is not taken back.
    @Test func retirement_ofADismissedOne_isRefused_andTriedAgain() {
        var fleet = self.fleet(["a", "b"], desired: 2)
        self.check(fleet.dismiss("nobody", now: self.at(3)) == nil)
        self.check(fleet.dismiss("a", now: self.at(3)) == .begun)
        self.check(fleet.dismiss("a", now: self.at(3)) == .already)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(6))
        self.check(fleet.nextAction(now: self.at(6)) == .retire("a"))
        fleet.began(.retire("a"))
        fleet.refused(.retire("a"))
        fleet.reconcile(desired: 2, inFlight: [:], now: self.at(7))
        self.check(fleet.state.ready == 1)
    }

    /// Seen before: one that the cloud does not end held its place in the size for good.
    @Test func retirement_isRefusedForEver_anotherOneComesInItsPlace() {
        var fleet = self.fleet(["a", "b", "c"], desired: 3)
        for second in 3..<6 {
            for id in ["a", "b", "c"] { _ = fleet.probed(id, isWell: id != "a", now: self.at(Int64(second))) }
        }
        self.check(fleet.nextAction(now: self.at(6)) == .retire("a"))
        fleet.began(.retire("a"))
        fleet.refused(.retire("a"))
        fleet.reconcile(desired: 3, inFlight: [:], now: self.at(7))
        self.check(fleet.nextAction(now: self.at(7)) == .scale(4))
        fleet.scaled(to: 4, now: self.at(7))
        self.check(fleet.nextAction(now: self.at(8)) == .retire("a"), "it is tried again")
        // Somebody has lowered the size meanwhile.
        let waiting = CloudFleet.Lanes(retire: false)
        self.check(fleet.nextAction(now: self.at(8), lanes: waiting) == nil)
        self.check(fleet.nextAction(now: self.at(67), lanes: waiting) == .scale(4), "beside it")
    }

    /// Each command waits for itself alone.
    @Test func scale_isRefused_whoHasDrainedIsRetired() {
        var fleet = self.fleet(["a", "b"], desired: 2)
        self.check(fleet.dismiss("a", now: self.at(3)) == .begun)
        fleet.reconcile(desired: 3, inFlight: [:], now: self.at(6))
        self.check(fleet.nextAction(now: self.at(6)) == .scale(3))
        self.check(fleet.nextAction(now: self.at(6), lanes: CloudFleet.Lanes(scale: false)) == .retire("a"))
        let none = CloudFleet.Lanes(scale: false, retire: false)
        self.check(fleet.nextAction(now: self.at(6), lanes: none) == nil)
    }

    /// More while some drain: who was not told yet is revived, and the size counts those who were.
    @Test func moreIsDesired_whileOneIsRetired_theSizeFits() {
        var fleet = self.fleet(["a", "b"], desired: 1)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(5))
        guard case .retire(let id)? = fleet.nextAction(now: self.at(5)) else {
            Issue.record("nobody is retired")
            return
        }
        fleet.began(.retire(id))
        fleet.reconcile(desired: 3, inFlight: [:], now: self.at(6))
        // It is on its way out, and still part of the size.
        self.check(fleet.nextAction(now: self.at(6)) == .scale(3))
        fleet.scaled(to: 3, now: self.at(6))
        self.check(fleet.nextAction(now: self.at(6)) == .retire(id))
        fleet.retired(id, now: self.at(7))
        self.check(fleet.nextAction(now: self.at(7)) == .scale(3))
    }

    @Test func withoutRetire_theCloudIsToldTheNumber() {
        var fleet = self.fleet(["a", "b", "c"], desired: 1, canRetire: false)
        self.check(fleet.nextAction(now: self.at(2)) == .scale(1))
        fleet.scaled(to: 1, now: self.at(2))
        self.check(fleet.nextAction(now: self.at(3)) == nil)
        self.check(fleet.listed(self.list(["b"]), now: self.at(4), wallMicros: 0))
        #expect(fleet.crashes == 0, "it was the cloud's choice")
        self.check(fleet.listed(self.list(["x"]), now: self.at(5), wallMicros: 0))
        #expect(fleet.crashes == 1, "that was not")
    }

    /// Seen before: it drained for ever, since nobody is told to end it, and only who could be told was taken back.
    @Test(arguments: [true, false])
    func withoutRetire_whoDrainedUnderAnotherLeader_andRuns_serves(isLate: Bool) {
        var fleet = CloudFleet(limits: Self.limits(canRetire: false), seed: 1)
        let address = self.list(["a"]).instances[0].address
        guard let address else { return }
        fleet.inherit("a", address: address, isDraining: true, startedMicros: 0, now: self.at(0))
        if isLate { fleet.reconcile(desired: 1, inFlight: [:], now: self.at(30)) }
        self.check(fleet.listed(self.list(["a"]), now: self.at(30), wallMicros: 0))
        self.check(fleet.probed.map(\.id) == ["a"])
        self.check(fleet.probed("a", isWell: true, now: self.at(31)) == nil && fleet.state.ready == 1)
    }

    /// Somebody has lowered the size by hand, or it has been lost.
    @Test func size_thatTheCloudDoesNotComeTo_isToldAgain() {
        var fleet = self.fleet(["a", "b"], desired: 4)
        self.check(fleet.nextAction(now: self.at(2)) == .scale(4))
        fleet.scaled(to: 4, now: self.at(2))
        self.check(fleet.nextAction(now: self.at(61)) == nil)
        self.check(fleet.nextAction(now: self.at(62)) == .scale(4))
    }

    @Test func emptyList_whileInstancesAnswer_isNotBelieved() {
        var fleet = self.fleet(["a", "b"], desired: 2)
        self.check(!fleet.listed(self.list([]), now: self.at(3), wallMicros: 0))
        #expect(fleet.state.ready == 2)
        for id in ["a", "b"] { self.check(fleet.probed(id, isWell: false, now: self.at(4)) == nil) }
        self.check(fleet.listed(self.list([]), now: self.at(5), wallMicros: 0), "now nobody answers")
        #expect(fleet.state.ready == 0 && fleet.crashes == 2)
    }

    /// What strikes most at once is seldom their own fault: they stay listed, and go one by one.
    @Test func allHang_oneIsReplaced() {
        var fleet = self.fleet(["a", "b", "c", "d"], desired: 4)
        for second in 3..<9 {
            for id in ["a", "b", "c", "d"] { _ = fleet.probed(id, isWell: false, now: self.at(Int64(second))) }
        }
        #expect(fleet.state.ready == 3 && fleet.failed.count == 1 && fleet.crashes == 1)
        self.check(fleet.nextAction(now: self.at(9)).map { if case .retire = $0 { true } else { false } } == true)
    }

    @Test func oneThatNeverAnswers_isReplaced_laterEachTime() {
        var fleet = CloudFleet(limits: Self.limits(), seed: 7)
        var replaced: [Int64] = []
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(0))
        for second in 0..<7_200 as Range<Int64> {
            self.check(fleet.listed(self.list(["i\(replaced.count)"]), now: self.at(second), wallMicros: 0))
            fleet.reconcile(desired: 1, inFlight: [:], now: self.at(second))
            if case .retire(let id)? = fleet.nextAction(now: self.at(second)) {
                fleet.retired(id, now: self.at(second))
                replaced.append(second)
            }
        }
        #expect(replaced.first == 30 && fleet.crashes >= replaced.count)
        // Each takes 30 s to be found out; with pauses of up to five minutes it is far less often than that.
        #expect(replaced.count > 20 && replaced.count < 120)
    }

    /// As an auto scaling group whose greatest size is the pool's: one more is refused there.
    @Test func dismissal_atTheMost_doesNotAskForMore() {
        var fleet = self.fleet(["a", "b"], desired: 2, maxWorkers: 2)
        self.check(fleet.dismiss("a", now: self.at(3)) == .begun)
        fleet.reconcile(desired: 2, inFlight: ["a": 1], now: self.at(4))
        self.check(fleet.nextAction(now: self.at(4)) == nil && fleet.state.ready == 1)
        fleet.reconcile(desired: 2, inFlight: [:], now: self.at(6))
        self.check(fleet.nextAction(now: self.at(6)) == .retire("a"))
        fleet.retired("a", now: self.at(6))
        self.check(fleet.nextAction(now: self.at(6)) == .scale(2))
    }

    @Test func sameID_atAnotherAddress_isAnotherInstance() {
        var fleet = self.fleet(["a"], desired: 1)
        let moved = InstanceList([.init(id: "a", address: .ipv4(9, port: 80), state: .running)])
        self.check(fleet.listed(moved, now: self.at(3), wallMicros: 0))
        #expect(fleet.state.ready == 0 && fleet.state.pending.count == 1)
        self.check(fleet.probed.map(\.address) == [.ipv4(9, port: 80)])
    }

    @Test func whoLeaves_byTheCloudsWish_isDrained() {
        var fleet = self.fleet(["a", "b"], desired: 2)
        var instances = self.list(["a"]).instances
        instances += self.list(["b"], .leaving).instances
        self.check(fleet.listed(InstanceList(instances), now: self.at(3), wallMicros: 0))
        #expect(fleet.state.ready == 1 && fleet.state.draining == 1 && fleet.members["b"]?.state == .leaving)
        #expect(fleet.crashes == 1)
    }

    // MARK: A cloud that does not do as it was told

    /// One of two is told to end, the cloud says that it does, and a minute later it is listed as ever.
    private func lingering(_ ids: [String] = ["a", "b"]) -> (fleet: CloudFleet, id: String) {
        var fleet = self.fleet(ids, desired: ids.count - 1)
        fleet.reconcile(desired: ids.count - 1, inFlight: [:], now: self.at(5))
        guard case .retire(let id)? = fleet.nextAction(now: self.at(5)) else {
            Issue.record("nobody is retired")
            return (fleet, "")
        }
        fleet.began(.retire(id))
        fleet.retired(id, now: self.at(6))
        self.check(fleet.listed(self.list(ids), now: self.at(65), wallMicros: 0))
        self.check(fleet.lingering.isEmpty && fleet.nextAction(now: self.at(65)) == nil, "it has a minute")
        self.check(!fleet.probed.map(\.id).contains(id))
        return (fleet, id)
    }

    /// Seen before: it served nobody ever again, though it was well and the only one.
    @Test func whoWasToldToEnd_andRuns_servesAgainWhenItIsWanted() {
        let told = self.lingering(["a"])
        let id = told.id
        var fleet = told.fleet
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(65))
        self.check(fleet.nextAction(now: self.at(65)) == .scale(1))
        fleet.scaled(to: 1, now: self.at(65))
        self.check(fleet.listed(self.list([id]), now: self.at(66), wallMicros: 0))
        self.check(fleet.lingering.map(\.lingersSince) == [self.at(6)] && fleet.probed.map(\.id) == [id])
        self.check(fleet.nextAction(now: self.at(66)) == nil, "it is asked first how it does")
        self.check(fleet.probed(id, isWell: true, now: self.at(67)) == nil)
        self.check(fleet.nextAction(now: self.at(67)) == nil)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(67))
        self.check(fleet.state.ready == 1 && fleet.lingering.isEmpty && fleet.nextAction(now: self.at(67)) == nil)
        self.check(fleet.crashes == 0 && fleet.state.pending.isEmpty)
    }

    @Test func whoWasToldToEnd_andIsNotWell_isToldAgain_andAnotherOneComes() {
        let told = self.lingering()
        let id = told.id
        var fleet = told.fleet
        fleet.reconcile(desired: 2, inFlight: [:], now: self.at(65))
        fleet.scaled(to: 2, now: self.at(65))
        self.check(fleet.listed(self.list(["a", "b"]), now: self.at(66), wallMicros: 0))
        self.check(fleet.probed(id, isWell: false, now: self.at(67)) == nil)
        fleet.reconcile(desired: 2, inFlight: [:], now: self.at(67))
        self.check(fleet.state.ready == 1 && fleet.nextAction(now: self.at(67)) == .scale(3))
        fleet.scaled(to: 3, now: self.at(67))
        self.check(fleet.nextAction(now: self.at(67)) == .retire(id))
        fleet.retired(id, now: self.at(68))
        self.check(fleet.lingering.map(\.lingersSince) == [self.at(6)], "it is listed all the same")
        self.check(fleet.listed(self.list(["a", "b"], .leaving), now: self.at(69), wallMicros: 0))
        self.check(fleet.lingering.isEmpty, "now it leaves")
    }

    /// Nobody waits for it: it is told without being asked.
    @Test func whoWasToldToEnd_andRuns_isToldAgainWhenItIsNotWanted() {
        let told = self.lingering()
        let id = told.id
        var fleet = told.fleet
        self.check(fleet.listed(self.list(["a", "b"]), now: self.at(66), wallMicros: 0))
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(66))
        self.check(fleet.nextAction(now: self.at(66)) == .retire(id))
        fleet.retired(id, now: self.at(67))
        self.check(fleet.listed(self.list(["a", "b"]), now: self.at(120), wallMicros: 0))
        self.check(fleet.nextAction(now: self.at(120)) == nil, "once a minute")
    }

    /// An operator's word counts for more than that it answers; then others come in its place.
    @Test func whoIsDismissed_andLingers_isNotTakenBack() {
        var fleet = self.fleet(["a"], desired: 1)
        self.check(fleet.dismiss("a", now: self.at(3)) == .begun)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(6))
        fleet.retired("a", now: self.at(6))
        fleet.scaled(to: 1, now: self.at(6))
        self.check(fleet.listed(self.list(["a"]), now: self.at(66), wallMicros: 0))
        self.check(fleet.probed("a", isWell: true, now: self.at(67)) == nil)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(67))
        self.check(fleet.state.ready == 0 && fleet.nextAction(now: self.at(67)) == .scale(2))
        fleet.scaled(to: 2, now: self.at(67))
        self.check(fleet.nextAction(now: self.at(67)) == .retire("a"))
    }

    /// Seen before: the size was told again up to a minute later.
    @Test(arguments: [true, false])
    func whoIsListedNoMore_isTold_andTheSizeAtOnce(canRetire: Bool) {
        var fleet = self.fleet(["a", "b", "c"], desired: 3, canRetire: canRetire)
        fleet.scaled(to: 3, now: self.at(3))
        self.check(fleet.listed(self.list(["a"]), now: self.at(4), wallMicros: 0))
        #expect(fleet.losses.map(\.id) == ["b", "c"] && fleet.losses.allSatisfy { !$0.isExpected })
        self.check(fleet.nextAction(now: self.at(4)) == .scale(3))
        fleet.scaled(to: 3, now: self.at(4))
        self.check(fleet.nextAction(now: self.at(5)) == nil, "once")
        self.check(fleet.listed(self.list(["a"]), now: self.at(6), wallMicros: 0))
        self.check(fleet.losses.isEmpty && fleet.nextAction(now: self.at(6)) == nil)
        // It has taken the number, and the time of a start has passed.
        #expect(fleet.shortfall(now: self.at(33)) == nil)
        let since = self.at(4)
        #expect(fleet.shortfall(now: self.at(34)) == CloudFleet.Shortfall(wanted: 3, told: 3, listed: 1, since: since))
        self.check(fleet.listed(self.list(["a", "d", "e"], .starting), now: self.at(35), wallMicros: 0))
        #expect(fleet.shortfall(now: self.at(35)) == nil)
    }

    @Test func whoWasToGo_isNoLossThatMatters() {
        var fleet = self.fleet(["a", "b"], desired: 1)
        fleet.reconcile(desired: 1, inFlight: [:], now: self.at(5))
        guard case .retire(let id)? = fleet.nextAction(now: self.at(5)) else {
            Issue.record("nobody is retired")
            return
        }
        fleet.retired(id, now: self.at(5))
        self.check(fleet.listed(self.list([id == "a" ? "b" : "a"]), now: self.at(6), wallMicros: 0))
        #expect(fleet.losses.map(\.isExpected) == [true])
        self.check(fleet.nextAction(now: self.at(6)) == nil && fleet.crashes == 0)
    }
}
