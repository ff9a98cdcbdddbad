import CLinux
import Glibc

/// A system call that failed: which one, with what `errno`. Made at the edge, once.
public struct SystemError: Error, Equatable, CustomStringConvertible {
    public let call: String
    public let code: Int32

    public init(call: String, code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    public var description: String { "\(self.call): \(Self.message(code: self.code))" }

    /// The text of an `errno`, such as `Connection refused`.
    public static func message(code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
