import Admission
import EventLoop
import Primitives

/// Calls with more numbers than one batch may hold.
enum Batches {
    /// The items of one call, cut into batches. Lower numbers go first over all batches, as they do within one: else
    /// a batch could let a higher number in before a lower one that is still to be sent.
    struct Call<Item> {
        let items: [Item]
        let loop: any LoopContext
        /// Positions of the items in ascending order; nil when one batch takes them as they are.
        private let order: [Int]?

        init(items: [Item], loop: any LoopContext, by id: (Item) -> Int64) {
            self.items = items
            self.loop = loop
            self.order =
                items.count > RoomRules.largestBatch
                ? items.indices.sorted { id(items[$0]) < id(items[$1]) } : nil
        }

        /// Hands each batch to `one` and the answers, in order of the batches, to `completion`. One batch that fails
        /// fails the call: what the others did stands, and a repeated call finds it done.
        func run<Part>(
            _ one: ([Item], @escaping StoreCompletion<Part>) -> Void,
            _ completion: @escaping StoreCompletion<[Part]>
        ) {
            self.loop.preconditionOnLoop()
            guard let order = self.order else { return one(self.items) { completion($0.map { [$0] }) } }
            let starts = Array(stride(from: 0, to: order.count, by: RoomRules.largestBatch))
            let gathering = Gathering<Result<Part, StoreError>>(count: starts.count) { results in
                completion(Self.whole(results))
            }
            for (batch, start) in starts.enumerated() {
                let part = order[start..<min(start + RoomRules.largestBatch, order.count)].map { self.items[$0] }
                one(part) { gathering.put($0, at: batch) }
            }
        }

        private static func whole<Part>(_ results: [Result<Part, StoreError>]) -> Result<[Part], StoreError> {
            do throws(StoreError) {
                var parts: [Part] = []
                for result in results { parts.append(try result.get()) }
                return .success(parts)
            } catch {
                return .failure(error)
            }
        }

        /// Answers that came one for each number, batch after batch, in the order of `items`.
        func restored<Element>(_ parts: [[Element]]) -> [Element] {
            let sorted = Array(parts.joined())
            guard let order = self.order else { return sorted }
            var positions = [Int](repeating: 0, count: order.count)
            for (position, index) in order.enumerated() { positions[index] = position }
            return positions.map { sorted[$0] }
        }
    }

    static func sum(_ parts: [CountAnswer]) -> CountAnswer {
        CountAnswer(line: parts[parts.count - 1].line, count: parts.reduce(0) { $0 + $1.count })
    }
}
