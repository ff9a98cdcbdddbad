import Admission
import Primitives
import TestKit
import Testing

@testable import Rooms

/// Numbers of a room over all lines that it has had.
@Suite struct LineTests {
    private static let epoch: UInt32 = 1_700_000_000

    private func token(_ kind: AdmissionToken.Kind, _ number: Int64, epoch: UInt32 = LineTests.epoch) -> AdmissionToken
    {
        AdmissionToken(
            kind: kind,
            keyID: 1,
            lane: 0,
            room: 9,
            epoch: epoch,
            number: number,
            issuedSeconds: epoch,
            expiresSeconds: epoch + 60
        )
    }

    // MARK: Keys

    @Test func id_ofAnyLine_isThatOfTheSharedState_andComesBack() {
        var random = SplitMix64(seed: 6)
        for _ in 0..<2_000 {
            let current = Int64(Self.epoch)
            let epoch = current - Int64.random(in: 0...PlaceID.oldestSeconds, using: &random)
            let number = Int64.random(in: 1...RoomRules.lastNumber, using: &random)
            let key = LineKey(epoch: UInt32(epoch), number: number)
            let id = key.id(inEpoch: current)
            #expect(id == PlaceID.id(number: number, epoch: epoch, current: current))
            #expect(LineKey(id: id, inEpoch: current) == key)
            #expect(key.epoch == UInt32(epoch) && key.number == number)
        }
        #expect(LineKey(id: 0, inEpoch: 5) == nil && LineKey(id: -(6 << 32), inEpoch: 5) == nil)
        #expect(LineKey(id: .min, inEpoch: .max) == nil)
    }

    @Test func order_olderLinesFirst() {
        let keys = [(1, 9), (1, 10), (2, 1), (3, 1)].map { LineKey(epoch: $0.0, number: $0.1) }
        #expect(keys.shuffled().sorted() == keys)
    }

    // MARK: What is known

    @Test func learn_tokensOfThisLine_raiseTheMarks() {
        var lines = KnownLines()
        #expect(lines.learn(self.token(.place, 40)) == true)
        #expect(lines.marks.issued == 40 && lines.marks.serving == 0 && lines.marks.epoch == Int64(Self.epoch))
        #expect(lines.learn(self.token(.place, 39)) == false, "nothing new")
        #expect(lines.learn(self.token(.pass, 12)) == true)
        #expect(lines.marks.serving == 12, "who has a pass has been called")
    }

    @Test func learn_anOlderLine_isGatheredForTheTick() {
        var lines = KnownLines()
        _ = lines.learn(self.token(.place, 3))
        for number in [900, 20, 500] as [Int64] { _ = lines.learn(self.token(.place, number, epoch: Self.epoch - 9)) }
        _ = lines.learn(self.token(.pass, 15, epoch: Self.epoch - 9))
        let expected = SeenLine(epoch: Int64(Self.epoch) - 9, lowest: 15, highest: 900, serving: 15)
        #expect(lines.older == [expected])
        #expect(lines.marks.issued == 3, "it says nothing of the line of now")
        #expect(lines.learn(self.token(.place, 500, epoch: Self.epoch - 9)) == false)
    }

    @Test func learn_aNewerLine_whatWasKnownBecomesAnOlderOne() {
        var lines = KnownLines()
        _ = lines.learn(self.token(.place, 50))
        _ = lines.learn(self.token(.pass, 20))
        #expect(lines.learn(self.token(.place, 1, epoch: Self.epoch + 5)) == true)
        #expect(lines.marks.epoch == Int64(Self.epoch) + 5 && lines.marks.issued == 1 && lines.marks.serving == 0)
        #expect(lines.older == [SeenLine(epoch: Int64(Self.epoch), lowest: 21, highest: 50, serving: 20)])
    }

    @Test func learn_moreLinesThanAreKept_theNewestStay() {
        var lines = KnownLines()
        for back in (0...9 as ClosedRange<UInt32>).reversed() {
            _ = lines.learn(self.token(.place, 7, epoch: Self.epoch - back))
        }
        #expect(lines.older.map { Int64(Self.epoch) - $0.epoch } == [4, 3, 2, 1])
        #expect(lines.learn(self.token(.place, 7, epoch: Self.epoch - 9)) == false)
    }

    @Test func raise_afterAReset_theLinesBeforeAreForgotten() {
        var lines = KnownLines()
        _ = lines.learn(self.token(.place, 50))
        var snapshot = RoomSnapshot.sample(epoch: Int64(Self.epoch) + 1, issued: 0, serving: 0)
        snapshot.voidBefore = Int64(Self.epoch) + 1
        lines.raise(snapshot)
        #expect(lines.older.isEmpty)
        #expect(lines.learn(self.token(.place, 50)) == false)
    }

    // MARK: Numbers set aside

    @Test func block_givesItsNumbersInOrder_once() {
        var block = NumberBlock()
        #expect(block.take() == nil)
        block.lease(101...103, epoch: Int64(Self.epoch))
        #expect(block.report(epoch: Int64(Self.epoch), size: 3) == BlockReport(start: 101, used: 0, size: 3))
        #expect((0..<4).map { _ in block.take()?.number } == [101, 102, 103, nil])
        // The same lease again gives nothing anew.
        block.lease(101...103, epoch: Int64(Self.epoch))
        #expect(block.take() == nil)
        #expect(block.report(epoch: Int64(Self.epoch), size: 3) == BlockReport(start: 101, used: 103, size: 3))
        block.lease(901...903, epoch: Int64(Self.epoch))
        #expect(block.take()?.number == 901)
    }

    /// Numbers given out while a tick was on the way are told with the next one, before another block takes over: the
    /// shared state would hand them out a second time.
    @Test func block_usedSinceTheReport_isKeptUntilThatIsTold() {
        var block = NumberBlock()
        let epoch = Int64(Self.epoch)
        block.lease(101...103, epoch: epoch)
        _ = block.report(epoch: epoch)
        _ = block.take()
        block.lease(901...903, epoch: epoch)
        #expect(block.report(epoch: epoch, size: 3) == BlockReport(start: 101, used: 101, size: 3))
        #expect(block.take()?.number == 102, "the shared state goes on behind the whole block")
        block.lease(901...903, epoch: epoch)
        #expect(block.report(epoch: epoch, size: 3) == BlockReport(start: 901, used: 0, size: 3))
    }

    @Test func block_ofAnotherLine_isNotReported() {
        var block = NumberBlock()
        block.lease(101...103, epoch: 5)
        _ = block.take()
        #expect(block.report(epoch: 6, size: 3) == BlockReport(start: 0, used: 0, size: 3))
        block.lease(101...103, epoch: 6)
        #expect(block.take() == LineKey(epoch: 6, number: 101))
    }
}
