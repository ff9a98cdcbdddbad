import Primitives
import Rooms

/// How a room's mode is told to programs.
extension RoomMode {
    /// As in JSON, in `/status` and in metrics.
    var word: StaticString {
        switch self {
        case .normal: "normal"
        case .degraded: "degraded"
        case .held: "held"
        }
    }

    var text: String { "\(self.word)" }

    /// The field of an answer that the gateway itself makes; nothing in normal times.
    func writeField(to writer: inout ByteWriter) {
        switch self {
        case .normal: return
        case .degraded: writer.append("Sluice-Mode: degraded; redis-away\r\n")
        case .held: writer.append("Sluice-Mode: held; no-healthy-worker\r\n")
        }
    }
}
