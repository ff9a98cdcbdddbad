import Admission
import RedisClient
import Testing

@testable import SharedState

@Suite struct StoreErrorTests {
    /// Seen before: all of them were called silence.
    @Test(arguments: ["TRYAGAIN", "MISCONF", "OOM", "CLUSTERDOWN", "LOADING"])
    func refusalForNow_isAnAnswer(code: String) {
        let error = StoreError(RedisError.refused(code: code, message: "\(code) so it is"))
        #expect(error == .notNow("Redis refused: \(code) so it is") && error.isAnswer)
    }

    @Test func silence_isNone() {
        for error in [RedisError.unavailable("x"), .overloaded("x"), .unanswered("x")] {
            #expect(!StoreError(error).isAnswer)
        }
        #expect(StoreError(RedisError.refused(code: "NOPERM", message: "NOPERM x")).isAnswer)
    }
}
