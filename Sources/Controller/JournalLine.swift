import Observability
import SharedState

/// A journal's entry as a line of JSON, in files and over the admin listener.
public enum JournalLine {
    /// `{"n":12,"id":"1700000000000-0","kind":"exchange","t":1700000000000000,"g":"7:0,8:120"}`, with a line end.
    /// `number` counts a room's entries since the shared state began to; nil where it is not known.
    public static func bytes(_ record: JournalRecord, number: Int64? = nil) -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        if let number { json.member("n", number) }
        json.member("id", record.id)
        for field in record.fields {
            // Lists of one number are texts like those of several.
            if field.name != "g", let number = Int64(field.value) {
                json.member(field.name, number)
            } else {
                json.member(field.name, field.value)
            }
        }
        json.endObject()
        return json.finished() + [UInt8(ascii: "\n")]
    }
}
