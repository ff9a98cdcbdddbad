import Testing

@testable import Transport

/// Which end the writing half owes, in every standing.
@Suite struct WriteSideTests {
    private enum Call: String { case finish, close, endWasSent, didLeave, fail }

    private func play(_ calls: [Call], _ side: inout WriteSide) {
        for call in calls {
            switch call {
            case .finish: side.finish()
            case .close: _ = side.close()
            case .endWasSent: side.endWasSent()
            case .didLeave: side.didLeave()
            case .fail: _ = side.fail()
            }
        }
    }

    /// Calls, whether more is accepted after them, and what is owed when nothing is pending.
    @Test func whenNothingIsPending_inEveryStanding_isAsTheTableSays() {
        let rows: [([Call], Bool, WriteSide.Action)] = [
            ([], true, .none),
            ([.finish], false, .sendEnd),
            ([.finish, .finish], false, .sendEnd),
            ([.finish, .endWasSent], false, .none),
            ([.finish, .endWasSent, .finish], false, .none),
            ([.finish, .close], false, .sendEnd),
            ([.close], false, .sendEnd),
            ([.close, .finish], false, .sendEnd),
            ([.close, .endWasSent], false, .leave),
            ([.finish, .endWasSent, .close], false, .leave),
            ([.close, .endWasSent, .didLeave], false, .none),
            ([.close, .endWasSent, .didLeave, .close], false, .none),
            ([.fail], false, .none),
            ([.fail, .finish], false, .none),
            ([.close, .fail], false, .none),
            ([.finish, .endWasSent, .fail], false, .none),
        ]
        for (calls, accepts, action) in rows {
            var side = WriteSide()
            self.play(calls, &side)
            #expect(side.accepts == accepts, "\(calls)")
            #expect(side.whenNothingIsPending() == action, "\(calls)")
        }
    }

    @Test func close_isAskedForOnce() {
        for calls in [[], [.finish], [.finish, .endWasSent]] as [[Call]] {
            var side = WriteSide()
            self.play(calls, &side)
            let answers = [side.close(), side.close()]
            #expect(answers == [true, false], "\(calls)")
        }
        var failed = WriteSide()
        let answers = [failed.fail(), failed.fail(), failed.close()]
        #expect(answers == [true, false, false])
    }

    @Test func relief_isToldOnceToWhomWasToldOfCongestion() {
        var side = WriteSide()
        var answers = [side.isCongested(pending: 100, highMark: 100), side.isRelieved(pending: 0, lowMark: 50)]
        #expect(answers == [false, false])
        answers = [side.isCongested(pending: 101, highMark: 100), side.isRelieved(pending: 51, lowMark: 50)]
        #expect(answers == [true, false])
        answers = [side.isRelieved(pending: 50, lowMark: 50), side.isRelieved(pending: 0, lowMark: 50)]
        #expect(answers == [true, false])
    }

    @Test func illegalTransitions_trap() async {
        await #expect(processExitsWith: .failure) {
            var side = WriteSide()
            side.endWasSent()
        }
        await #expect(processExitsWith: .failure) {
            var side = WriteSide()
            side.finish()
            side.endWasSent()
            side.endWasSent()
        }
        await #expect(processExitsWith: .failure) {
            var side = WriteSide()
            side.finish()
            side.didLeave()
        }
    }
}
