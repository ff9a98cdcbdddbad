import EventLoop
import Primitives
import Testing

@testable import Transport

@Suite struct ByteQueueTests {
    /// Any mix of appends and takes behaves like an array, and memory stays in proportion to what is held.
    @Test(arguments: [1, 7, 0xBEEF] as [UInt64])
    func queue_anyAppendsAndTakes_agreesWithAnArray(seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let budget = BufferBudget()
        var queue = ByteQueue(budget: budget)
        var model: [UInt8] = []
        for _ in 0..<5_000 {
            if Bool.random(using: &generator) {
                let piece = (0..<Int.random(in: 0...700, using: &generator)).map { _ in
                    UInt8(truncatingIfNeeded: generator.next())
                }
                piece.withUnsafeBytes { queue.append($0) }
                model += piece
            } else if !model.isEmpty {
                let count = Int.random(in: 0...min(model.count, 900), using: &generator)
                queue.consume(count)
                model.removeFirst(count)
            }
            #expect(queue.count == model.count && queue.isEmpty == model.isEmpty, "seed \(seed)")
            #expect(queue.bytes.elementsEqual(model), "seed \(seed)")
            #expect(budget.usedBytes >= queue.count && (budget.usedBytes == 0) == queue.isEmpty, "seed \(seed)")
        }
    }

    /// A long queue that takes a byte for every byte it gives must not move all it holds for each of them.
    @Test func queue_trickleThroughALongOne_movesEachByteAFewTimesAtMost() {
        var queue = ByteQueue(budget: BufferBudget())
        let held = [UInt8](repeating: 7, count: 4_095)
        held.withUnsafeBytes { queue.append($0) }
        var moves = 0
        var base = queue.bytes.baseAddress!
        for _ in 0..<20_000 {
            queue.consume(1)
            [UInt8(8)].withUnsafeBytes { queue.append($0) }
            if queue.bytes.baseAddress! != base + 1 { moves += 1 }
            base = queue.bytes.baseAddress!
        }
        #expect(moves <= 20, "\(moves) moves of \(held.count) bytes for 20000 bytes")
    }
}
