import Admission
import EventLoop
import Primitives

/// Calls with more numbers than one batch may hold.
enum Batches {
    /// The numbers of one call, cut into batches. Lower numbers go first over all batches, as they do within one: else
    /// a batch could let a higher number in before a lower one that is still to be sent.
    struct Call {
        let numbers: [Int64]
        let loop: any LoopContext
        /// Positions of the numbers in ascending order; nil when one batch takes them as they are.
        private let order: [Int]?

        init(numbers: [Int64], loop: any LoopContext) {
            self.numbers = numbers
            self.loop = loop
            self.order =
                numbers.count > RoomRules.largestBatch
                ? numbers.indices.sorted { numbers[$0] < numbers[$1] } : nil
        }

        /// Hands each batch to `one` and the answers, in order of the batches, to `completion`. One batch that fails
        /// fails the call: what the others did stands, and a repeated call finds it done. No numbers: no call.
        func run<Part>(
            _ one: ([Int64], @escaping StoreCompletion<Part>) -> Void,
            _ completion: @escaping StoreCompletion<[Part]>
        ) {
            self.loop.preconditionOnLoop()
            guard !self.numbers.isEmpty else { return self.loop.onNextTurn { completion(.success([])) } }
            guard let order = self.order else { return one(self.numbers) { completion($0.map { [$0] }) } }
            let starts = Array(stride(from: 0, to: order.count, by: RoomRules.largestBatch))
            let gathering = Gathering<Result<Part, StoreError>>(count: starts.count) { results in
                completion(Self.whole(results))
            }
            for (batch, start) in starts.enumerated() {
                let part = order[start..<min(start + RoomRules.largestBatch, order.count)].map { self.numbers[$0] }
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

        /// Answers that came one for each number, batch after batch, in the order of `numbers`.
        func restored<Element>(_ parts: [[Element]]) -> [Element] {
            let sorted = Array(parts.joined())
            guard let order = self.order else { return sorted }
            var positions = [Int](repeating: 0, count: order.count)
            for (position, index) in order.enumerated() { positions[index] = position }
            return positions.map { sorted[$0] }
        }
    }

    static func exchange(_ parts: [ExchangeAnswer], _ call: Call) -> ExchangeAnswer {
        guard parts.count != 1 else { return parts[0] }
        let outcomes = call.restored(parts.map(\.outcomes))
        // A later batch may have let in somebody whom an earlier one left at the door, or the other way about.
        var told: Set<Int64> = []
        for (number, outcome) in zip(call.numbers, outcomes) {
            if case .admitted = outcome { told.insert(number) }
        }
        let others = Set(parts.flatMap(\.others.numbers)).subtracting(told)
        let expiries = parts.filter { !$0.others.numbers.isEmpty }.map(\.others.expiresMicros)
        return ExchangeAnswer(
            outcomes: outcomes,
            others: DoorAdmissions(numbers: others.sorted(), expiresMicros: expiries.min() ?? 0)
        )
    }
}
