import Primitives
import Testing

@testable import Controller

@Suite struct TroubleNotesTests {
    private static func second(_ number: Int64) -> Instant {
        Instant(nanoseconds: UInt64(number * Nanoseconds.perSecond))
    }

    @Test func trouble_isToldOnce_andWhenItHasPassed() {
        var notes = TroubleNotes()
        #expect(notes.line(for: nil, now: Self.second(0)) == nil)
        #expect(notes.line(for: "no answer for 2 s", now: Self.second(1)) == .begun("no answer for 2 s"))
        for second in 2..<40 as Range<Int64> {
            #expect(notes.line(for: "no answer for \(second + 1) s", now: Self.second(second)) == nil)
        }
        #expect(notes.line(for: nil, now: Self.second(40)) == .passed)
        #expect(notes.line(for: nil, now: Self.second(41)) == nil)
    }

    @Test func another_inItsPlace_isToldToo() {
        var notes = TroubleNotes()
        _ = notes.line(for: "no answer", now: Self.second(0))
        #expect(notes.line(for: "no right", now: Self.second(20)) == .begun("no right"))
    }

    @Test func thoseThatComeAndGo_areAFewLines() {
        var notes = TroubleNotes()
        var begun = 0
        for second in 0..<60 as Range<Int64> {
            let trouble = second % 2 == 0 ? "no answer" : nil
            if case .begun = notes.line(for: trouble, now: Self.second(second)) { begun += 1 }
        }
        #expect(begun == 6)
    }
}
