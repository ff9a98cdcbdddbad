import Primitives
import Testing

@testable import Pools

@Suite struct WorkerRegistryTests {
    private static func worker(
        _ id: String,
        _ state: RegisteredWorker.State = .ready,
        place: String = "shop/1.2",
        pid: Int32 = 7,
        started: Int64 = 5,
        keeper: String = "a@shop/1.2:3:4",
        address: String? = "127.0.0.1:9"
    ) -> RegisteredWorker {
        RegisteredWorker(
            id: id,
            process: ProcessIdentity(place: place, pid: pid, startTicks: 99),
            state: state,
            startedMicros: started,
            sinceMicros: 6,
            shape: 0xABC,
            slots: 4,
            keeper: keeper,
            log: "/var/lib/with space/\(id).log",
            address: address
        )
    }

    private static let registry = WorkerRegistry(
        fence: 41,
        workers: [
            worker("w 2%", .draining, address: "unix:/a b"), worker("w-1", .starting, address: nil),
            worker("-", .stopping, address: "-"),
        ]
    )

    @Test func text_readBack_isTheSame() {
        #expect(WorkerRegistry(text: Self.registry.text) == Self.registry)
        let empty = WorkerRegistry(fence: 0, workers: [])
        #expect(WorkerRegistry(text: empty.text) == empty)
    }

    /// Wherever a file is cut off, and whichever byte of it is another one: what can be read is read, the rest is told, and
    /// no worker comes out that did not go in.
    @Test func text_damagedAnywhere_keepsTheOthersAndSaysWhere() {
        let text = Self.registry.text
        for end in 0..<(text.utf8.count - 1) {
            let cut = WorkerRegistry(text: String(decoding: text.utf8.prefix(end), as: UTF8.self))
            #expect(!cut.damages.isEmpty, "cut at \(end)")
            #expect(
                cut.workers.allSatisfy { worker in
                    // A line cut within its last word may be read as one with a shorter address: the end of the file tells.
                    Self.registry.workers.contains { $0.id == worker.id && $0.process == worker.process }
                }
            )
        }
        var random = SplitMix64(seed: 5)
        for _ in 0..<2_000 {
            var bytes = Array(text.utf8)
            bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...127, using: &random)
            let read = WorkerRegistry(text: String(decoding: bytes, as: UTF8.self))
            #expect(read.workers.count >= 1, "one byte spoils one line, or two when it joins them")
        }
    }

    @Test(
        arguments: [
            ("", "line 1: it does not begin with 'sluice workers 1'"),
            ("sluice workers 2 7\nend\n", "line 1: it does not begin"), ("sluice workers 1 7\n", "its end is missing"),
            ("sluice workers 1 7\nw\nend\n", "line 2: it is no worker"),
            ("sluice workers 1 7\nw 2 x\nend\n", "line 2: its version is not 1"),
            ("sluice workers 1 7\nw 1 ready 1 2 a 8 h:1 k l x\nend\n", "line 2: 'h:1' is not a process"),
            ("sluice workers 1 7\nw 1 dancing 1 2 a - h:1:2 k l x\nend\n", "line 2: 'dancing' is not a state"),
            ("sluice workers 1 7\nw 1 ready 1 -2 a - h:1:2 k l x\nend\n", "line 2: '1' and '-2' are not times"),
            ("sluice workers 1 7\nw 1 ready 1 2 a 0 h:1:2 k l x\nend\n", "line 2: '0' is not a number of slots"),
        ]
    )
    func text_notAsItShouldBe_isToldWithItsLine(text: String, problem: String) {
        let read = WorkerRegistry(text: text)
        #expect(read.workers.isEmpty)
        #expect(read.damages.contains { $0.hasPrefix(problem) }, "\(read.damages)")
    }

    @Test func text_sameWorkerTwice_countsOnce() {
        var lines = Self.registry.text.split(separator: "\n")
        lines.insert(lines[1], at: 2)
        let read = WorkerRegistry(text: lines.joined(separator: "\n") + "\n")
        #expect(read.workers == Self.registry.workers && read.damages.count == 1)
    }

    // MARK: Adoption

    @Test func merged_whatEitherPlaceKnows_isKept() {
        let merged = Adoption.merged(
            [Self.worker("a", .starting, address: "x:1"), Self.worker("b"), Self.worker("d", pid: 1, started: 1)],
            [Self.worker("a", .draining, address: nil), Self.worker("c"), Self.worker("d", pid: 2, started: 2)]
        )
        #expect(merged.map(\.id) == ["a", "b", "c", "d"])
        #expect(merged[0].state == .draining && merged[0].address == "x:1")
        #expect(merged[3].process.pid == 2, "the later process by that name")
    }

    @Test(
        arguments: [
            ("shop/1.2", 1, 0, 0), ("shop/1.3", 0, 0, 1), ("shop/9.2", 0, 0, 1), ("store/1.2", 0, 1, 0),
        ]
    )
    func plan_byPlace_isHereElsewhereOrGone(place: String, here: Int, elsewhere: Int, gone: Int) {
        let plan = Adoption.plan([Self.worker("a", place: place)], at: "shop/1.2")
        #expect((plan.here.count, plan.elsewhere.count, plan.gone.count) == (here, elsewhere, gone))
    }

    @Test(
        arguments: [
            // The leader has not spoken since: nothing is known.
            (keeper: nil as String?, isListed: false, hasSpoken: false, Adoption.Following.keep),
            ("me", true, true, .keep), ("the dead", true, true, .keep), ("other", true, true, .giveUp),
            ("other", false, true, .giveUp),
            // Gateways are not sent to it any more, and nobody else looks after it.
            ("me", false, true, .retire), (nil, false, true, .retire),
        ]
    )
    func following_whatTheLeaderSays_isDone(
        keeper: String?,
        isListed: Bool,
        hasSpoken: Bool,
        expected: Adoption.Following
    ) {
        let following = Adoption.following(
            "w",
            of: ["me", "the dead"],
            registry: keeper.map { [Self.worker("w", keeper: $0)] } ?? [],
            isListed: isListed,
            leaderHasSpoken: hasSpoken
        )
        #expect(following == expected)
    }

    // MARK: Workers that change hands

    private static let limits = Reconciliation.Limits(
        startTimeoutNanoseconds: 20 * Nanoseconds.perSecond,
        drainTimeoutNanoseconds: 15 * Nanoseconds.perSecond
    )

    @Test func adopt_eachState_goesOnFromThere() {
        var pool = Reconciliation(limits: Self.limits, seed: 1)
        let now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))
        let long = now.advanced(byNanoseconds: -100 * Nanoseconds.perSecond)
        let recent = now.advanced(byNanoseconds: -3 * Nanoseconds.perSecond)
        #expect(pool.adopt(.starting, startedAt: long, since: long, now: now) == (1, nil))
        #expect(pool.adopt(.ready, startedAt: long, since: long, now: now) == (2, nil))
        #expect(pool.adopt(.draining, startedAt: long, since: recent, now: now) == (3, nil))
        #expect(pool.adopt(.stopping, startedAt: long, since: long, now: now) == (4, .stop(4)))
        #expect(pool.state.ready == 1 && pool.state.pending == [long] && pool.state.draining == 2)
        // They count, and their numbers are taken.
        #expect(pool.reconcile(desired: 4, inFlight: [:], now: now) == [.revive(3), .start(5)])
        #expect(pool.becameReady(1, now: now) == 100 * Nanoseconds.perSecond, "its start took so long")
    }

    @Test func adoptedStarting_hasTheWholeTimeAgain() {
        var pool = Reconciliation(limits: Self.limits, seed: 1)
        let now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))
        let (number, _) = pool.adopt(.starting, startedAt: Instant(nanoseconds: 0), since: now, now: now)
        #expect(pool.timePassed(now: now.advanced(byNanoseconds: 19 * Nanoseconds.perSecond)) == [])
        #expect(pool.timePassed(now: now.advanced(byNanoseconds: 20 * Nanoseconds.perSecond)) == [.stop(number)])
    }

    @Test func standBy_aCrash_isNotReplacedUntilWorkersAreWanted() {
        var pool = Reconciliation(limits: Self.limits, seed: 1)
        let now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))
        let later = now.advanced(byNanoseconds: 60 * Nanoseconds.perSecond)
        #expect(pool.reconcile(desired: 2, inFlight: [:], now: now) == [.start(1), .start(2)])
        _ = pool.becameReady(1, now: now)
        _ = pool.becameReady(2, now: now)
        pool.standBy()
        _ = pool.ended(1, now: now)
        #expect(pool.timePassed(now: later) == [])
        pool.release(2)
        #expect(pool.workers.isEmpty)
        #expect(pool.reconcile(desired: 1, inFlight: [:], now: later) == [.start(3)])
    }

    @Test func drainAll_readyOnesDrain_othersStopAndNothingStarts() {
        var pool = Reconciliation(limits: Self.limits, seed: 1)
        let now = Instant(nanoseconds: 1_000 * UInt64(Nanoseconds.perSecond))
        let later = now.advanced(byNanoseconds: Reconciliation.noticeNanoseconds)
        _ = pool.reconcile(desired: 3, inFlight: [:], now: now)
        _ = pool.becameReady(1, now: now)
        _ = pool.becameReady(2, now: now)
        #expect(pool.drainAll(now: now) == [.drain(1), .drain(2), .stop(3)])
        #expect(pool.drainAll(now: now) == [])
        #expect(pool.reconcile(desired: 5, inFlight: [1: 0, 2: 4], now: later) == [.stop(1)])
        #expect(pool.ended(1, now: later) == .stopped)
        #expect(pool.timePassed(now: now.advanced(byNanoseconds: 15 * Nanoseconds.perSecond)).contains(.stop(2)))
    }
}
