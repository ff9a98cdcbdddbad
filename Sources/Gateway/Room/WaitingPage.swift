import Primitives
import Rooms
import Settings

/// What a waiting visitor gets: a small page that refreshes itself without scripts, or the same as JSON.
///
/// The page is rendered once a room into pieces between which the numbers go: writing it costs a few copies. It stays
/// under one TCP window, so that it arrives in the first round trip. A class: its pieces as a value would be counted one by
/// one with each poll.
final class WaitingPage: Sendable {
    /// How long a turn is kept, as the page says.
    let claimMicros: Int64
    private let room: [UInt8]
    private let beforeRefresh: [UInt8]
    private let beforeBody: [UInt8]
    private let afterPlace: [UInt8]
    private let afterNoPlace: [UInt8]

    /// `claimMicros`: what is in force, where that may be another gateway's; nil: as the room's settings say.
    init(room: RoomSettings, claimMicros: Int64? = nil) {
        self.claimMicros = claimMicros ?? room.claimWindowMicros
        let title = Self.escapeHTML(room.title ?? room.name)
        self.room = Array(room.name.utf8)
        self.beforeRefresh = Array(
            """
            <!doctype html><html lang="\(room.language.rawValue)"><head><meta charset="utf-8">\
            <meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex">\
            <title>\(title)</title><meta http-equiv="refresh" content="
            """.utf8
        )
        self.beforeBody = Array("\"><style>\(Self.style)</style></head><body><main><h1>\(title)</h1>".utf8)
        let keeps = Self.atLeast(seconds: self.claimMicros / 1_000_000)
        let end = "</main></body></html>\n"
        self.afterPlace = Array(
            """
            <p class="note">This page refreshes by itself. Reloading or closing it does not cost you your place: \
            when it is your turn, it is kept for \(keeps).</p>\(end)
            """.utf8
        )
        self.afterNoPlace = Array(
            """
            <p class="note">This page asks for a place by itself as long as it is open. You have none yet that closing it \
            could keep.</p>\(end)
            """.utf8
        )
    }

    private static let style = """
        :root{color-scheme:light dark;--ink:#16202c;--soft:#5b6b7c;--card:#fff;--ground:#eef2f6;--mark:#0b6bcb}\
        @media(prefers-color-scheme:dark){:root{--ink:#e8eef5;--soft:#9fb0c1;--card:#17212c;--ground:#0d141b;--mark:#5fb0ff}}\
        *{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;padding:1rem;\
        background:var(--ground);color:var(--ink);font:1.05rem/1.5 system-ui,sans-serif}\
        main{width:100%;max-width:30rem;background:var(--card);border-radius:1rem;padding:2rem;text-align:center;\
        overflow-wrap:anywhere;box-shadow:0 1px 3px #0002,0 8px 30px #0001}h1{font-size:1.25rem;margin:0 0 1.5rem}\
        .position{font-size:3.5rem;font-weight:700;line-height:1;color:var(--mark);font-variant-numeric:tabular-nums}\
        p{margin:.6rem 0}.lead{font-size:1.15rem}.note{margin-top:1.6rem;font-size:.9rem;color:var(--soft)}
        """

    static func escapeHTML(_ text: String) -> String {
        var result = ""
        // Not by Character: a mark that combines with a `<` would let it through.
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    func writeBody(_ position: WaitingPosition, isJSON: Bool, to writer: inout ByteWriter) {
        if isJSON { self.writeJSON(position, to: &writer) } else { self.writeHTML(position, to: &writer) }
    }

    /// Appends the fields that belong to the page, cookies aside.
    func writeFields(_ position: WaitingPosition, isJSON: Bool, to writer: inout ByteWriter) {
        writer.append(isJSON ? "Content-Type: application/json" : "Content-Type: text/html; charset=utf-8")
        writer.append("\r\nCache-Control: no-store\r\nVary: Accept\r\nRetry-After: ")
        writer.append(decimal: Int(position.refreshSeconds))
        switch position.state {
        case .waiting: writer.append("\r\nSluice-State: waiting\r\n")
        case .atDoor: writer.append("\r\nSluice-State: at-door\r\n")
        case .joining: writer.append("\r\nSluice-State: joining\r\n")
        }
        position.mode.writeField(to: &writer)
    }

    // MARK: JSON

    private func writeJSON(_ position: WaitingPosition, to writer: inout ByteWriter) {
        switch position.state {
        case .waiting: writer.append("{\"state\":\"waiting\",\"room\":\"")
        case .atDoor: writer.append("{\"state\":\"at-door\",\"room\":\"")
        case .joining: writer.append("{\"state\":\"joining\",\"room\":\"")
        }
        writer.append(self.room)
        if let number = position.number {
            writer.append("\",\"number\":")
            writer.append(decimal: Int(number))
            if position.isKnown {
                writer.append(",\"position\":")
                writer.append(decimal: Int(position.ahead + 1))
                writer.append(",\"waiting\":")
                writer.append(decimal: Int(position.waiting))
            } else {
                writer.append(",\"position\":null,\"waiting\":null")
            }
        } else {
            writer.append("\",\"number\":null,\"position\":null,\"waiting\":null")
        }
        writer.append(",\"estimate_seconds\":")
        if let estimate = position.estimateSeconds {
            writer.append("[")
            writer.append(decimal: Int(estimate.lowerBound))
            writer.append(",")
            writer.append(decimal: Int(estimate.upperBound))
            writer.append("]")
        } else {
            writer.append("null")
        }
        // As of the last answer of the shared state: it does not go down while nobody is let in.
        writer.append(position.isFrozen ? ",\"estimate_is_frozen\":true" : ",\"estimate_is_frozen\":false")
        writer.append(",\"mode\":\"")
        writer.append(position.mode.word)
        writer.append("\",\"refresh_seconds\":")
        writer.append(decimal: Int(position.refreshSeconds))
        writer.append(",\"opens_in_seconds\":")
        writer.append(decimal: Int(position.opensInSeconds))
        writer.append("}\n")
    }

    // MARK: HTML

    private func writeHTML(_ position: WaitingPosition, to writer: inout ByteWriter) {
        writer.append(self.beforeRefresh)
        writer.append(decimal: Int(position.refreshSeconds))
        writer.append(self.beforeBody)
        writer.append("<div role=\"status\">")
        switch position.state {
        case .joining:
            writer.append("<p class=\"lead\">You have no place in line yet: none can be given out right now. ")
            self.writePause(position.mode, to: &writer)
            writer.append("</p>")
        case .atDoor:
            writer.append("<p class=\"position\">Your turn</p><p class=\"lead\">")
            self.writePause(position.mode, to: &writer)
            writer.append("You go in as soon as ")
            writer.append(position.isFrozen ? "that is over" : "there is room")
            writer.append(", in order of place.</p>")
        case .waiting: self.writeWaiting(position, to: &writer)
        }
        writer.append("</div>")
        writer.append(position.state == .joining ? self.afterNoPlace : self.afterPlace)
    }

    private func writeWaiting(_ position: WaitingPosition, to writer: inout ByteWriter) {
        if position.isKnown {
            writer.append("<p>Your position in line</p><p class=\"position\">")
            writer.append(decimal: Int(position.ahead + 1))
            writer.append("</p><p class=\"lead\">")
        } else {
            writer.append("<p class=\"lead\">You are in line. Where you stand is not known yet. ")
        }
        if position.opensInSeconds > 0 {
            writer.append("Opens in ")
            Self.append(seconds: position.opensInSeconds, to: &writer)
            writer.append(". ")
        }
        if position.isFrozen {
            self.writePause(position.mode, to: &writer)
            writer.append("Your place is kept, and the line goes on by itself. ")
        }
        guard let estimate = position.estimateSeconds else {
            writer.append("How long it takes is not known yet.</p>")
            return
        }
        writer.append(position.isFrozen ? "Counted from then, it is your turn in about " : "It is your turn in about ")
        if estimate.upperBound < 90 {
            writer.append(decimal: Int(estimate.lowerBound))
            writer.append(" to ")
            Self.append(seconds: estimate.upperBound, to: &writer)
        } else {
            let minutes = (max(1, estimate.lowerBound / 60), (estimate.upperBound + 59) / 60)
            if minutes.0 < minutes.1 {
                writer.append(decimal: Int(minutes.0))
                writer.append(" to ")
            }
            writer.append(decimal: Int(minutes.1))
            writer.append(" minutes")
        }
        writer.append(".</p>")
    }

    private func writePause(_ mode: RoomMode, to writer: inout ByteWriter) {
        switch mode {
        case .normal: return
        case .degraded: writer.append("Nobody is let in for the moment: the waiting room itself is out of order. ")
        case .held: writer.append("Nobody is let in for the moment: the service behind this page is not ready. ")
        }
    }

    /// A promise: rounded down.
    private static func atLeast(seconds: Int64) -> String {
        let (count, unit) =
            switch seconds {
            case ..<120: (max(1, seconds), "second")
            case ..<7_200: (seconds / 60, "minute")
            default: (seconds / 3_600, "hour")
            }
        return "\(count) \(unit)\(count == 1 ? "" : "s")"
    }

    /// `45 seconds`, `3 minutes`, `2 hours`, `3 days`.
    private static func append(seconds: Int64, to writer: inout ByteWriter) {
        let (count, unit): (Int64, StaticString) =
            switch seconds {
            case ..<90: (seconds, " second")
            case ..<5_400: ((seconds + 30) / 60, " minute")
            case ..<172_800: ((seconds + 1_800) / 3_600, " hour")
            default: ((seconds + 43_200) / 86_400, " day")
            }
        writer.append(decimal: Int(count))
        writer.append(unit)
        if count != 1 { writer.append("s") }
    }
}

extension WaitingPosition {
    /// Nobody is let in: position and estimate are those of the moment in which that began.
    fileprivate var isFrozen: Bool { self.mode != .normal }
}
