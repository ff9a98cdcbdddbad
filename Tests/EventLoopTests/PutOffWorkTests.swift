import Testing

@testable import EventLoop

@Suite struct PutOffWorkTests {
    /// Where the array lies, which tells whether it is another one.
    private func address(of batch: [() -> Void]) -> UInt { batch.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) } }

    /// Puts off `pieces`, runs them, and tells where they lay.
    private func round(_ work: inout PutOffWork, pieces: Int) -> UInt {
        for _ in 0..<pieces { work.append {} }
        var batch = work.take()
        #expect(batch.count == pieces)
        let address = self.address(of: batch)
        #expect(PutOffWork.run(&batch) == pieces)
        work.giveBack(batch)
        return address
    }

    @Test func rounds_ofAsManyPieces_useTwoArraysInTurns() {
        var work = PutOffWork()
        let first = (0..<2).map { _ in self.round(&work, pieces: 5) }
        for index in 0..<10 { #expect(self.round(&work, pieces: 5) == first[index % 2]) }
    }

    @Test func take_withNothingPutOff_keepsWhatThereIs() {
        var work = PutOffWork()
        let first = (0..<2).map { _ in self.round(&work, pieces: 5) }
        for _ in 0..<3 {
            var nothing = work.take()
            #expect(PutOffWork.run(&nothing) == 0)
            work.giveBack(nothing)
        }
        #expect(self.round(&work, pieces: 5) == first[0])
    }

    @Test func append_whileABatchRuns_isOfTheNextOne() {
        var work = PutOffWork()
        work.append {}
        var batch = work.take()
        work.append {}
        work.append {}
        #expect(PutOffWork.run(&batch) == 1)
        work.giveBack(batch)
        #expect(!work.isEmpty)
        #expect(work.take().count == 2)
        #expect(work.isEmpty)
    }

    @Test func giveBack_ofALongBatch_doesNotKeepItsStorage() {
        var work = PutOffWork()
        let long = self.round(&work, pieces: 3 * PutOffWork.maxKept)
        _ = long
        for _ in 0..<4 {
            work.append {}
            #expect(work.take().capacity <= PutOffWork.maxKept)
        }
    }
}
