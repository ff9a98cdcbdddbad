import Addresses
import Dispatch
import Settings
import Synchronization
import Testing

@testable import Gateway

@Suite struct VisitorBookTests {
    @Test func take_beyondTheLimit_isRefused_untilOneLeaves() {
        let counts = SeatCounts()
        #expect(counts.take(7, limit: 2) && counts.take(7, limit: 2))
        #expect(!counts.take(7, limit: 2))
        // A neighbour in the same stripe is somebody else.
        #expect(counts.take(7 + 1_024, limit: 1))
        counts.leave(7)
        #expect(counts.take(7, limit: 2))
        #expect(counts.count(of: 7) == 2 && counts.numbers == 2)
    }

    /// Places of older lines have numbers below zero.
    @Test func leave_keepsNothingOfWhoIsNotThere() {
        let counts = SeatCounts()
        for number in -3_000..<3_000 as Range<Int64> { #expect(counts.take(number, limit: 1)) }
        #expect(counts.numbers == 6_000)
        for number in -3_000..<3_000 as Range<Int64> { counts.leave(number) }
        #expect(counts.numbers == 0)
        #expect(!counts.take(1, limit: 0))
    }

    /// Loops take and leave at the same time: the limit holds exactly.
    @Test func take_fromManyThreads_neverBeyondTheLimit() {
        let counts = SeatCounts()
        let inside = Atomic<Int>(0)
        let most = Atomic<Int>(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0..<20_000 where counts.take(42, limit: 3) {
                let now = inside.add(1, ordering: .sequentiallyConsistent).newValue
                most.max(now, ordering: .relaxed)
                inside.subtract(1, ordering: .sequentiallyConsistent)
                counts.leave(42)
            }
        }
        #expect(most.load(ordering: .relaxed) <= 3 && most.load(ordering: .relaxed) >= 1)
        #expect(counts.numbers == 0)
    }

    @Test(
        arguments: [
            ("10.1.2.255", 24, 56, [10, 1, 2, 0]), ("10.1.2.255", 32, 56, [10, 1, 2, 255]),
            ("10.1.2.255", 25, 56, [10, 1, 2, 128]), ("::ffff:10.1.2.255", 24, 64, [10, 1, 2, 0]),
            ("2001:db8:1:2ff::1", 24, 56, [0x20, 1, 0xD, 0xB8, 0, 1, 2, 0]),
            ("2001:db8:1:2ff::1", 24, 64, [0x20, 1, 0xD, 0xB8, 0, 1, 2, 0xFF]),
        ] as [(String, Int, Int, [UInt8])]
    )
    func prefix_keepsTheFirstBits(text: String, v4Bits: Int, v6Bits: Int, bytes: [UInt8]) throws {
        let address = try #require(IPAddress(parsing: text))
        #expect(address.prefixBytes(v4Bits: v4Bits, v6Bits: v6Bits) == bytes)
    }

    /// What was bound under one rule is told from what another rule binds.
    @Test func rules_haveNumbersOfTheirOwn() {
        var numbers: Set<UInt8> = [VisitorBinding.none.ruleNumber]
        for v4Bits in VisitorBinding.v4Bits {
            for v6Bits in VisitorBinding.v6Bits {
                numbers.insert(VisitorBinding.address(v4Bits: v4Bits, v6Bits: v6Bits).ruleNumber)
            }
        }
        numbers.insert(VisitorBinding.header("x-account").ruleNumber)
        numbers.insert(VisitorBinding.cookie("x-account").ruleNumber)
        #expect(numbers.count == 1 + 9 * 17 + 2)
    }
}
