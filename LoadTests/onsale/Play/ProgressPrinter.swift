import EventLoop
import Foundation
import Glibc

/// Writes the live view to standard output, as it suits what that is.
struct ProgressPrinter {
    let isTerminal: Bool
    let isColoured: Bool
    private var view: ProgressView

    init() {
        self.isTerminal = isatty(STDOUT_FILENO) == 1
        let environment = ProcessInfo.processInfo.environment
        self.isColoured =
            self.isTerminal && environment["NO_COLOR", default: ""].isEmpty && environment["TERM"] != "dumb"
        self.view = ProgressView(isTerminal: self.isTerminal, isColoured: self.isColoured, width: Self.width)
    }

    private static var width: Int {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col) - 1
    }

    /// Columns of the terminal; nil when there is none.
    var columns: Int? { self.isTerminal ? max(Self.width, 40) : nil }

    mutating func paint(_ state: ProgressState, isLast: Bool = false) {
        if self.isTerminal { self.view.width = max(Self.width, 40) }
        guard let text = self.view.paint(state, now: MonotonicClock.now(), isLast: isLast) else { return }
        Output.standard.write(text)
    }

    /// A line of its own while the view is painted again and again.
    mutating func tell(_ line: String) {
        self.view.wasInterrupted()
        Output.standard.say(line)
    }

    /// A line of its own, between paintings.
    func say(_ line: String) { Output.standard.say(line) }

    /// A sentence, in lines that the terminal holds; elsewhere in one.
    func sayProse(_ text: String) {
        guard let columns = self.columns else { return self.say("  \(text)") }
        for line in Wrap.prose(text, columns: columns) { self.say(line) }
    }
}
