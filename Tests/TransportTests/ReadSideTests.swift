import Testing

@testable import Transport

/// What the reading half does next, in every standing.
@Suite struct ReadSideTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let name: String
        let retained: Int
        let expected: ReadSide.Step
        let prepare: @Sendable (inout ReadSide) -> Void
        var testDescription: String { self.name }
    }

    static let rows: [Row] = [
        Row(name: "fresh", retained: 0, expected: .rest) { _ in },
        Row(name: "an event", retained: 0, expected: .read) { $0.becameReadable(endIsNear: false) },
        Row(name: "an event while something is kept", retained: 99, expected: .read) {
            $0.becameReadable(endIsNear: false)
        },
        Row(name: "an event while too much is kept", retained: 100, expected: .rest) {
            $0.becameReadable(endIsNear: false)
        },
        Row(name: "paused", retained: 5, expected: .rest) {
            $0.becameReadable(endIsNear: false)
            $0.pause()
        },
        Row(name: "paused and offered again", retained: 5, expected: .rest) {
            $0.pause()
            $0.offerAgain()
        },
        Row(name: "resumed with something kept", retained: 5, expected: .offer) {
            $0.pause()
            let wasPaused = $0.resume()
            #expect(wasPaused)
        },
        Row(name: "resumed with nothing kept", retained: 0, expected: .read) {
            $0.becameReadable(endIsNear: false)
            $0.pause()
            let wasPaused = $0.resume()
            #expect(wasPaused)
        },
        Row(name: "resumed without a pause", retained: 5, expected: .rest) {
            let wasPaused = $0.resume()
            #expect(!wasPaused)
        },
        Row(name: "offered again", retained: 5, expected: .offer) { $0.offerAgain() },
        Row(name: "offered again with nothing kept", retained: 0, expected: .rest) { $0.offerAgain() },
        Row(name: "emptied by a short read", retained: 0, expected: .rest) {
            $0.becameReadable(endIsNear: false)
            $0.didRead(10, isEmptied: true)
        },
        Row(name: "a read that filled the memory", retained: 0, expected: .read) {
            $0.becameReadable(endIsNear: false)
            $0.didRead(10, isEmptied: false)
        },
        Row(name: "a short read before the end, whose event has been", retained: 0, expected: .read) {
            $0.becameReadable(endIsNear: true)
            $0.didRead(10, isEmptied: true)
        },
        Row(name: "nothing found", retained: 0, expected: .rest) {
            $0.becameReadable(endIsNear: false)
            $0.foundNothing()
        },
        Row(name: "nothing found, then an event", retained: 0, expected: .read) {
            $0.becameReadable(endIsNear: true)
            $0.foundNothing()
            $0.becameReadable(endIsNear: false)
        },
        Row(name: "ended", retained: 0, expected: .rest) {
            $0.becameReadable(endIsNear: true)
            $0.foundEnd()
            $0.becameReadable(endIsNear: true)
        },
        Row(name: "ended, and offered again", retained: 5, expected: .offer) {
            $0.becameReadable(endIsNear: true)
            $0.foundEnd()
            $0.offerAgain()
        },
        Row(name: "discarding, and nothing is there", retained: 500, expected: .rest) { $0.discard() },
        Row(name: "discarding", retained: 500, expected: .read) {
            $0.becameReadable(endIsNear: false)
            $0.discard()
        },
        Row(name: "discarding after a pause", retained: 0, expected: .read) {
            $0.pause()
            $0.becameReadable(endIsNear: false)
            $0.offerAgain()
            $0.discard()
        },
        Row(name: "discarding, paused then", retained: 0, expected: .read) {
            $0.discard()
            $0.pause()
            $0.becameReadable(endIsNear: false)
        },
    ]

    @Test(arguments: ReadSideTests.rows)
    func next_inEveryStanding_isAsTheTableSays(row: Row) {
        var side = ReadSide()
        row.prepare(&side)
        let runs = [side.beginRun(), side.beginRun()]
        #expect(runs == [true, false])
        let step = side.next(retained: row.retained, limit: 100, turn: 1)
        #expect(step == row.expected)
        side.endRun()
        let runsAgain = side.beginRun()
        #expect(runsAgain)
    }

    @Test func turnsShare_usedUpByReads_isNewInTheNextTurn() {
        var side = ReadSide()
        var isNew: Bool
        side.becameReadable(endIsNear: false)
        isNew = side.beginRun()
        var steps: [ReadSide.Step] = []
        for _ in 0..<ReadSide.maxReadsPerTurn {
            steps.append(side.next(retained: 0, limit: 100, turn: 1))
            side.didRead(1, isEmptied: false)
        }
        #expect(isNew && steps == Array(repeating: .read, count: ReadSide.maxReadsPerTurn))
        steps = [side.next(retained: 0, limit: 100, turn: 1)]
        side.endRun()
        // Another event of the same turn does not make the share any larger.
        isNew = side.beginRun()
        steps.append(side.next(retained: 0, limit: 100, turn: 1))
        steps.append(side.next(retained: 0, limit: 100, turn: 2))
        side.didRead(ReadSide.maxBytesPerTurn, isEmptied: false)
        steps.append(side.next(retained: 0, limit: 100, turn: 2))
        #expect(isNew && steps == [.giveWay, .giveWay, .read, .giveWay])
    }

    @Test func illegalTransitions_trap() async {
        await #expect(processExitsWith: .failure) {
            var side = ReadSide()
            side.didRead(1, isEmptied: true)
        }
        await #expect(processExitsWith: .failure) {
            var side = ReadSide()
            side.becameReadable(endIsNear: true)
            side.foundEnd()
            side.foundEnd()
        }
        await #expect(processExitsWith: .failure) {
            var side = ReadSide()
            side.discard()
            side.discard()
        }
        await #expect(processExitsWith: .failure) {
            var side = ReadSide()
            _ = side.next(retained: 0, limit: 1, turn: 1)
        }
    }
}
