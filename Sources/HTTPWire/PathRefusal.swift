/// Why a path is refused with 400: known servers read it differently, and no honest client sends it.
public enum PathRefusal: UInt8, Error, Sendable, CaseIterable, CustomStringConvertible {
    case backslash, escapeBroken, controlCharacter, overlongCharacter
    case aboveRoot, slashesBesideDots, mixedDots, oddDots, hiddenSlash, tooManyReadings

    /// One sentence for a log or an error page: what is wrong.
    public var description: String {
        switch self {
        case .backslash: "the path has a backslash, which some servers take for a slash"
        case .escapeBroken: "the path has a `%` that two hexadecimal digits do not follow"
        case .controlCharacter: "the path has an escaped control character"
        case .overlongCharacter: "the path has a character in an overlong UTF-8 form"
        case .aboveRoot: "the path leads above the root"
        case .slashesBesideDots: "the path has dot segments together with doubled or escaped slashes"
        case .mixedDots: "the path has dot segments that are written in different ways"
        case .oddDots: "the path has a segment of dots and spaces alone"
        case .hiddenSlash: "the path starts with a doubled slash in disguise"
        case .tooManyReadings: "the path can be read in too many ways"
        }
    }
}
