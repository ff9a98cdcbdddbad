import EventLoop
import Glibc
import Testing

@testable import onsale

@Suite struct OutputTests {
    @Test func whatCouldNotBeWritten_isRemembered() {
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        let output = Output(descriptor: full)
        #expect(output.loss == nil)
        output.say("lost")
        let words = "standard output could not be written: No space left on device; make room, or send it elsewhere"
        #expect(output.loss == words)
    }

    /// `onsale compare … | head -1`.
    @Test func readerWhoHasReadEnough_isNoLoss() {
        SignalSource.ignoreBrokenPipe()
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        close(ends[0])
        defer { close(ends[1]) }
        let output = Output(descriptor: ends[1])
        output.say("unread")
        #expect(output.loss == nil)
    }
}
