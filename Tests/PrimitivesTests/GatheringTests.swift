import Primitives
import Testing

@Suite struct GatheringTests {
    @Test func put_inAnyOrder_handsOverInTheOrderOfTheQuestions() {
        var results: [[String]] = []
        let gathering = Gathering<String>(count: 3) { results.append($0) }
        gathering.put("c", at: 2)
        gathering.put("a", at: 0)
        #expect(results.isEmpty)
        gathering.put("b", at: 1)
        #expect(results == [["a", "b", "c"]])
    }

    @Test func arrive_everybody_handsOverOnce() {
        var results: [[Int?]] = []
        let gathering = Gathering<Int?>(count: 2) { results.append($0) }
        gathering.arrive(1)
        gathering.arrive(nil)
        #expect(results == [[1, nil]])
    }
}
