import EventLoop
import Primitives
import TestKit
import Testing

@testable import Gateway

@Suite struct DoorQueueTests {
    private static let yaml = """
        pools: {web: {driver: static, workers: [127.0.0.1:1]}}
        routes: [{path: /, pool: web}]

        """

    /// Runs `body` on a loop with a queue and a maker of sessions.
    private func play(
        _ body: @escaping @Sendable (inout DoorQueue, () throws -> ClientSession, Instant) throws -> Void
    ) throws {
        let fixture = try LoopFixture()
        defer { try? fixture.end() }
        try fixture.run {
            let rig = try EdgeRig(fixture, yaml: Self.yaml)
            var door = DoorQueue()
            try body(&door, { try rig.makeSession() }, fixture.loop.now)
        }
    }

    @Test func nextBatch_severalNumbers_lowestFirstAndOnce() throws {
        try self.play { door, session, now in
            for number in [9, 3, 7, 1] as [Int64] { door.add(try session(), number: number, deadline: now) }
            #expect(door.nextBatch(limit: 3) == [1, 3, 7])
            #expect(door.nextBatch(limit: 3) == [9])
            #expect(door.nextBatch(limit: 3) == [])
            #expect(door.count == 4)
        }
    }

    @Test func askAgain_onlyAfterTheAnswer() throws {
        try self.play { door, session, now in
            for number in [1, 2] as [Int64] { door.add(try session(), number: number, deadline: now) }
            #expect(door.nextBatch(limit: 10) == [1, 2])
            // On the way: asking twice would count twice.
            door.askAgain()
            #expect(door.nextBatch(limit: 10) == [])
            door.markAsked([1, 2])
            door.askAgain()
            #expect(door.nextBatch(limit: 10) == [1, 2])
        }
    }

    @Test func take_severalRequestsOfOneVisitor_givesAll() throws {
        try self.play { door, session, now in
            let (first, second) = (try session(), try session())
            door.add(first, number: 5, deadline: now)
            door.add(second, number: 5, deadline: now)
            #expect(door.count == 1)
            #expect(door.nextBatch(limit: 10) == [5])
            let taken = door.take(5)
            #expect(taken.count == 2 && taken[0] === first && taken[1] === second)
            #expect(door.count == 0 && !door.contains(5))
            #expect(door.take(5).count == 0)
        }
    }

    @Test func remove_oneOfTwoRequests_theNumberStays() throws {
        try self.play { door, session, now in
            let (first, second, stranger) = (try session(), try session(), try session())
            door.add(first, number: 5, deadline: now)
            door.add(second, number: 5, deadline: now)
            #expect(door.remove(stranger, number: 5) == false)
            #expect(door.remove(first, number: 5) == false)
            #expect(door.contains(5))
            #expect(door.remove(second, number: 5) == true)
            #expect(door.count == 0 && door.nextBatch(limit: 10) == [])
        }
    }

    @Test func expire_timeIsOver_onlyThoseWhoWereAnswered() throws {
        try self.play { door, session, now in
            let later = now.advanced(byNanoseconds: 1_000)
            for (number, deadline) in [(1, now), (2, later), (3, now)] as [(Int64, Instant)] {
                door.add(try session(), number: number, deadline: deadline)
            }
            #expect(door.nextBatch(limit: 2) == [1, 2])
            #expect(door.expire(now: now).count == 0, "an answer is on the way, and may let them in")
            door.markAsked([1, 2])
            #expect(door.expire(now: now).map(\.number) == [1])
            #expect(door.expire(now: later).map(\.number) == [2])
            // Never asked: the question is still due.
            #expect(door.nextBatch(limit: 10) == [3])
        }
    }

    @Test func removeAll_roomIsDissolved_givesEverybody() throws {
        try self.play { door, session, now in
            for number in 1...4 as ClosedRange<Int64> { door.add(try session(), number: number, deadline: now) }
            #expect(door.removeAll().count == 4)
            #expect(door.count == 0 && door.nextBatch(limit: 10) == [])
        }
    }
}
