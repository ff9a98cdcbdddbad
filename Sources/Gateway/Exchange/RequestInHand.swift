import Admission
import HTTPWire
import Primitives

/// The request whose head has just been read, while it is in hand: its ranges lie in `bytes` and in the loop's shared
/// head. Good until the call that was given it returns.
struct RequestInHand {
    let tools: LoopTools
    let bytes: UnsafeRawBufferPointer
    /// Over TLS: cookies are named and marked accordingly.
    let isSecure: Bool

    var method: Method { self.tools.requestHead.method }

    var host: UnsafeRawBufferPointer {
        self.tools.requestHead.hostNameRange?.slice(of: self.bytes) ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }
    var path: UnsafeRawBufferPointer { self.tools.requestHead.pathRange.slice(of: self.bytes) }

    var prefersJSON: Bool { self.tools.requestHead.acceptedMedia(in: self.bytes).prefersJSON }

    /// A browser asks whether a script may send what comes next. It carries neither cookies nor a body (Fetch standard,
    /// section 4.8).
    var isPreflight: Bool {
        self.tools.requestHead.framing == .none && self.tools.requestHead.method == .options
            && self.tools.requestHead.names.contains(.origin)
            && self.hasField("access-control-request-method")
    }

    private func hasField(_ name: StaticString) -> Bool {
        self.tools.requestHead.fields.contains { field in
            field.id == .other && ASCII.equalsIgnoringCase(field.name.slice(of: self.bytes), name)
        }
    }

    /// The value of the last field of that name, in small letters: of several, a front has appended it.
    func lastValue(ofField name: String) -> UnsafeRawBufferPointer? {
        let name = name.utf8
        let field = self.tools.requestHead.fields.last { field in
            let given = field.name.slice(of: self.bytes)
            return given.count == name.count && zip(given, name).allSatisfy { ASCII.lowercased($0) == $1 }
        }
        guard let value = field?.value.slice(of: self.bytes), !value.isEmpty else { return nil }
        return value
    }

    /// Calls `body` with the value of each cookie of that name until it returns true.
    func anyCookie(named name: [UInt8], _ body: (UnsafeRawBufferPointer) -> Bool) -> Bool {
        guard self.tools.requestHead.names.contains(.cookie) else { return false }
        return name.withUnsafeBytes { name in
            var values = self.tools.requestHead.cookieValues(named: name, in: self.bytes)
            while let value = values.next() {
                if body(value.slice(of: self.bytes)) { return true }
            }
            return false
        }
    }
}
