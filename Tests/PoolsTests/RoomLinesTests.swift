import Primitives
import Scaling
import Settings
import Testing

@testable import Pools

/// Waiting, counted per room.
@Suite struct RoomLinesTests {
    private static let now = Instant(nanoseconds: 50_000_000_000)

    private func room(_ name: String, opensAtMicros: Int64? = nil, inflowMilli: Int64 = 1_000) -> RoomSettings {
        var room = RoomSettings(name: name, slots: 10, inflowMilli: inflowMilli)
        room.opensAtMicros = opensAtMicros
        return room
    }

    private func report(_ gateway: String, _ waiting: [String: Int], sum: Int? = nil) -> GatewaySignals {
        GatewaySignals(
            gateway: gateway,
            intervalMicros: 500_000,
            waiting: sum ?? waiting.values.reduce(0, +),
            rooms: ByName(
                waiting.mapValues { RoomSignals(waiting: $0, atDoor: $0 / 10, admissions: 4, freeSlots: 3) }
            )
        )
    }

    /// The line is to be gone within 30 seconds.
    private func signals(
        _ reports: [GatewaySignals],
        held: [GatewaySignals] = [],
        silent: Int = 0,
        rooms: [RoomSettings],
        wallMicros: Int64 = 0
    ) -> PoolSignals {
        PoolSignals(
            reports,
            held: held,
            silent: silent,
            lines: RoomLines(reports),
            rooms: rooms,
            drainGoalNanoseconds: 30 * Nanoseconds.perSecond,
            wallMicros: wallMicros
        )
    }

    @Test func longestReport_countsPerRoom_andRoomsAddUp() {
        let lines = RoomLines([self.report("g", ["a": 40, "b": 7]), self.report("h", ["a": 30, "b": 9, "c": 1])])
        #expect(lines.waiting == 50 && lines.untold == 0)
        let line = RoomLines.Line(waiting: 40, atDoor: 4, admissionsPerSecond: 8, freeSlots: 3, showUpPermille: 1_000)
        #expect(lines.lines["a"] == line, "half a second's admissions, not added up: both tell of the same")
    }

    /// Seen before: each unopened room was given the pool's whole line, and the open one had none.
    @Test func openings_haveTheirOwnLineEach() {
        let rooms = [
            self.room("open"), self.room("soon", opensAtMicros: 7_000_000, inflowMilli: 2_500),
            self.room("tomorrow", opensAtMicros: 90_000_000_000), self.room("past", opensAtMicros: 3_999_999),
        ]
        let lines = RoomLines([self.report("g", ["open": 1_500, "soon": 20, "past": 3])])
        let openings = ScalingLimits.openings(of: rooms, lines: lines, now: Self.now, wallMicros: 4_000_000)
        #expect(openings.map(\.waiting) == [20, 0] && openings.map(\.inflowPerSecond) == [2.5, 1])
        #expect(openings[0].at == Self.now.advanced(byNanoseconds: 3_000_000_000))
        // A room that is closed lets nobody in, whatever it will let in later.
        let signals = self.signals([self.report("g", [:])], rooms: rooms, wallMicros: 4_000_000)
        #expect(signals.inflowLimitPerSecond == 2)
    }

    /// Seen before: 500 full sessions and a line of 6,000 held ten workers where one served.
    @Test func fullRoom_letsInWhatItsSessionsGiveBack_whereItIsTold() {
        var full = self.room("full", inflowMilli: 1_000_000)
        (full.slots, full.sessionMicros) = (500, 600_000_000)
        func limit(_ rooms: [String: RoomSignals], _ settings: [RoomSettings]) -> Double {
            let report = GatewaySignals(gateway: "g", intervalMicros: 500_000, waiting: 6_000, rooms: ByName(rooms))
            return self.signals([report], rooms: settings).inflowLimitPerSecond
        }
        let told = RoomSignals(waiting: 6_000)
        #expect(abs(limit(["full": told], [full]) - 500.0 / 600) < 1e-9)
        #expect(abs(limit(["full": told], [full, self.room("other")]) - 500.0 / 600 - 1) < 1e-9, "rooms add up")
        #expect(limit(["full": RoomSignals(waiting: 6_000, admissions: 4)], [full]) == 8, "visits end sooner")
        #expect(limit([:], [full]) == 1_000, "an older gateway does not tell")
    }

    /// What the rate is used for at once, as soon as it is given: no more than there are people, who come within a second.
    @Test func roomsWithALine_areToldByThemselves() {
        let rooms = [
            self.room("line", inflowMilli: 3_000), self.room("other", inflowMilli: 4_000), self.room("idle"),
            self.room("absent"), self.room("soon", opensAtMicros: 9_000_000),
        ]
        var report = self.report("g", ["line": 50, "other": 1, "idle": 0, "absent": 50, "soon": 50])
        report.rooms["absent"]?.showUpPermille = 0
        func lineInflow(_ reports: [GatewaySignals]) -> Double? {
            self.signals(reports, rooms: rooms).lineInflowPerSecond
        }
        // Eight a second are let in by each, as far as its inflow goes, whether anybody stands there or not.
        #expect(lineInflow([report]) == 9)
        for room in ["idle", "absent"] { report.rooms[room]?.admissions = 0 }
        report.rooms["absent"]?.atDoor = 0
        #expect(lineInflow([report]) == 7)
        // Seen in a review: one visitor before a room of a thousand a second kept every worker of the pool.
        report.rooms["other"] = RoomSignals(waiting: 1, admissions: 1, freeSlots: 3)
        #expect(lineInflow([report]) == 5)
        let idle = GatewaySignals(gateway: "g", intervalMicros: 500_000, rooms: ["idle": RoomSignals(freeSlots: 3)])
        #expect(lineInflow([idle]) == nil)
    }

    /// Seen before: a line of which six in ten never came ordered workers for all of it.
    @Test func thoseWhoDoNotCome_areTakenOffTheLine_beforeOpenDoorsOnly() {
        func report(_ shares: [String: Int]) -> GatewaySignals {
            let rooms = ByName(shares.mapValues { RoomSignals(waiting: 1_001, showUpPermille: $0) })
            return GatewaySignals(gateway: "g", intervalMicros: 500_000, waiting: 1_001 * shares.count, rooms: rooms)
        }
        let rooms = [self.room("a"), self.room("b"), self.room("soon", opensAtMicros: 9)]
        let seen = self.signals([report(["a": 400, "b": 1_000, "soon": 200])], rooms: rooms)
        #expect(seen.waiting == 3_003 && seen.absent == 600, "the last half of a person may come")
        #expect(self.signals([report(["b": 1_000])], rooms: rooms).absent == nil)
        // Gateways have not all seen the same: the most that may come counts.
        let two = RoomLines([report(["a": 400]), report(["a": 700])])
        #expect(two.lines["a"]?.expected == 701)
        #expect(RoomLines.Line(waiting: .max, showUpPermille: 5_000).expected == .max)
    }

    /// A gateway of an older version tells one sum.
    @Test func untoldVisitors_standBeforeOpenDoors_orTheFirstThatOpens() {
        let old = [self.report("old", [:], sum: 80)]
        let soon = self.room("soon", opensAtMicros: 7_000_000)
        let later = self.room("later", opensAtMicros: 9_000_000)
        func waiting(_ rooms: [RoomSettings], _ reports: [GatewaySignals]) -> [Int] {
            let lines = RoomLines(reports)
            return ScalingLimits.openings(of: rooms, lines: lines, now: Self.now, wallMicros: 0).map(\.waiting)
        }
        #expect(RoomLines(old).waiting == 80)
        #expect(waiting([self.room("open"), soon], old) == [0])
        #expect(waiting([later, soon], old) == [0, 80])
        // Beside a gateway that tells of each room the sum says nothing new.
        let both = old + [self.report("new", ["soon": 50, "later": 30])]
        #expect(RoomLines(both).waiting == 80 && waiting([later, soon], both) == [30, 50])
    }

    /// Seen before: counts that no site has were added up, and the controller trapped.
    @Test func countsAndTimes_thatNoSiteHas_areBounded() {
        var wild = self.report("g", ["a": .max, "b": .max], sum: .max)
        (wild.inFlight, wild.queued) = (.max, .max)
        let lines = RoomLines([wild, wild])
        #expect(lines.waiting == 2_000_000_000_000)
        let signals = self.signals([wild, wild], held: [wild], rooms: [])
        #expect(signals.waiting == 1_000_000_000_000 && signals.inFlight == 1_000_000_000_000)
        let never = self.room("never", opensAtMicros: 253_402_300_799_000_000)
        let openings = ScalingLimits.openings(of: [never], lines: RoomLines(), now: Self.now, wallMicros: 0)
        #expect(openings.count == 1 && openings[0].at > Self.now)
    }

    @Test func heldReports_goOnInTheFlows_andFailOrLastNotTwice() {
        var last = self.report("silent", ["a": 10])
        (last.arrivals, last.unguarded, last.admissions, last.errors, last.inFlight) = (30, 10, 5, 9, 4)
        last.latency.record(nanoseconds: 1_000_000)
        var live = self.report("live", ["a": 12])
        (live.arrivals, live.inFlight) = (20, 3)
        let signals = self.signals([live], held: [last], silent: 2, rooms: [self.room("a")])
        #expect(signals.arrivalsPerSecond == 100 && signals.unguardedPerSecond == 20)
        #expect(signals.admissionsPerSecond == 10 && signals.inFlight == 7 && signals.waiting == 12)
        #expect(signals.errorsPerSecond == 0 && signals.latency.count == 0)
        #expect(signals.gatewaysReporting == 2 && signals.gatewaysHeld == 1 && signals.gatewaysSilent == 2)
    }

    @Test func reports_tellOfTheLongestLines() {
        let rooms = (0..<5).map { ("room-\($0)", RoomSignals(waiting: $0 == 3 ? 1 : $0)) }
        let told = RoomSignals.longest(of: ByName(Dictionary(uniqueKeysWithValues: rooms)), most: 3)
        #expect(told.names == ["room-1", "room-2", "room-4"])
        #expect(RoomSignals.longest(of: told, most: 3) == told)
    }

    // MARK: What a gateway tells

    @Test func meter_tellsWhatCameSinceItWasReadLast() {
        var meter = RoomMeter()
        func read(epoch: Int64 = 1, admitted: Int64, waiting: Int64 = 5) -> RoomSignals? {
            let sight = RoomMeter.Sight(
                epoch: epoch,
                waiting: waiting,
                atDoor: 2,
                admitted: admitted,
                slots: 10,
                sessions: 4
            )
            return meter.read(["a": sight])["a"]
        }
        #expect(read(admitted: 100) == RoomSignals(waiting: 5, atDoor: 2, admissions: 0, freeSlots: 6))
        #expect(read(admitted: 107)?.admissions == 7)
        #expect(read(admitted: 50)?.admissions == 0, "the state has lost something")
        #expect(read(admitted: 51, waiting: -3) == RoomSignals(waiting: 0, atDoor: 2, admissions: 1, freeSlots: 6))
        #expect(read(epoch: 2, admitted: 90)?.admissions == 0, "another line")
        let sight = RoomMeter.Sight(
            epoch: 2,
            waiting: 5,
            atDoor: 0,
            admitted: 90,
            slots: 1,
            sessions: 0,
            showUpPermille: 417
        )
        #expect(meter.read(["b": sight])["b"]?.showUpPermille == 417)
        #expect(meter.read([:]).isEmpty)
        #expect(read(epoch: 2, admitted: 95)?.admissions == 0, "not seen in between")
    }
}
