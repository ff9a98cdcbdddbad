import Testing

@testable import Settings

@Suite struct NearestWordTests {
    @Test(arguments: [
        ("brust", "burst"), ("bust", "burst"), ("burstt", "burst"), ("max_worker", "max_workers"), ("infow", "inflow"),
        ("sesion_lenght", "session_length"),
    ])
    func slip_ofTheFingers_findsTheWord(word: String, meant: String) {
        let words = ["slots", "inflow", "burst", "session_length", "claim_window", "max_workers", "min_workers"]
        #expect(NearestWord.of(word, among: words) == meant)
    }

    @Test(arguments: ["", "colour", "x", String(repeating: "burst", count: 20)])
    func word_unlikeAny_findsNone(word: String) {
        #expect(NearestWord.of(word, among: ["burst", "inflow"]) == nil)
    }

    @Test func distance_countsASwapOnce() {
        #expect(NearestWord.distance(Array("abcd".utf8), Array("acbd".utf8)) == 1)
        #expect(NearestWord.distance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
        #expect(NearestWord.distance([], Array("abc".utf8)) == 3)
    }
}
