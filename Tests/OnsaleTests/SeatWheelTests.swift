import Primitives
import Testing

@testable import onsale

@Suite struct SeatWheelTests {
    static let start = Instant(nanoseconds: 77_123_456_789)
    static let tick = Int64(SeatWheel.tickNanoseconds)

    static func at(_ nanoseconds: Int64) -> Instant { Self.start.advanced(byNanoseconds: nanoseconds) }

    static func due(_ wheel: inout SeatWheel, at nanoseconds: Int64) -> [Int] {
        var seats: [Int] = []
        while let seat = wheel.takeDue(now: Self.at(nanoseconds)) { seats.append(seat) }
        return seats
    }

    /// Held against a sorted list: nobody is woken early, and everybody with the first look that comes a tick after the
    /// deadline or later.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func anyHistory_wakesEachSeatOnceAndInTime(seed: UInt64) {
        var draw = SplitMix64(seed: seed)
        var wheel = SeatWheel(seats: 300, now: Self.start)
        var due: [Int: Int64] = [:]
        var now: Int64 = 0
        // Pauses from nothing to hours: the near wheel, the far one, and beyond.
        let longest: [Int64] = [1_000, 1_000_000, 900_000_000, 40_000_000_000, 4_000_000_000_000]
        for _ in 0..<6_000 {
            let seat = draw.drawInteger(0...299)
            if due[seat] == nil {
                let pause = Int64(draw.nextUnit() * Double(longest[draw.drawInteger(0...4)]))
                due[seat] = now + pause
                wheel.insert(seat, at: Self.at(now + pause))
            }
            if let next = wheel.nextDeadline {
                let earliest = due.values.min() ?? .max
                #expect(next <= Self.at(max(earliest, now) + 2 * Self.tick), "the loop would sleep too long")
            } else {
                #expect(due.isEmpty)
            }
            guard draw.drawFlag(share: 0.5) else { continue }
            now += Int64(draw.nextUnit() * Double(longest[draw.drawInteger(0...4)]) / 20)
            while let woken = wheel.takeDue(now: Self.at(now)) {
                guard let deadline = due.removeValue(forKey: woken) else {
                    Issue.record("seat \(woken) is woken without a pause")
                    return
                }
                #expect(deadline <= now, "woken early")
            }
            #expect(due.values.allSatisfy { $0 + 2 * Self.tick > now }, "somebody is not woken")
        }
    }

    @Test func nobodyWaits_nothingIsDue() {
        var wheel = SeatWheel(seats: 3, now: Self.start)
        let later: Int64 = 5_000_000_000_000
        #expect(wheel.nextDeadline == nil && Self.due(&wheel, at: later) == [])
        wheel.insert(2, at: Self.at(later + 1))
        #expect(Self.due(&wheel, at: later) == [] && wheel.nextDeadline != nil)
        #expect(Self.due(&wheel, at: later + 1 + Self.tick) == [2])
    }

    /// Who is put in again while the due are taken out waits for the next look, so that a look comes to an end.
    @Test func pauseThatIsOverAlready_comesUpWithTheNextTick() {
        var wheel = SeatWheel(seats: 1, now: Self.start)
        wheel.insert(0, at: Self.start)
        #expect(Self.due(&wheel, at: 10 * Self.tick) == [0])
        wheel.insert(0, at: Self.at(Self.tick))
        #expect(Self.due(&wheel, at: 10 * Self.tick) == [])
        #expect(Self.due(&wheel, at: 11 * Self.tick) == [0])
    }
}
