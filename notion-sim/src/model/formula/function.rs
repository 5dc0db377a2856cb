//! The functions this subset knows.

macro_rules! functions {
    ($($variant:ident $name:literal $least:literal $most:literal $doc:literal;)*) => {
        /// A function of the formula language.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Function { $(#[doc = $doc] $variant,)* }

        impl Function {
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            pub(crate) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The fewest and the most arguments.
            pub(crate) fn arity(self) -> (usize, usize) {
                match self { $(Self::$variant => ($least, $most),)* }
            }
        }
    };
}

functions! {
    If "if" 3 3 "One of two values.";
    Ifs "ifs" 2 99 "The value of the first condition that holds.";
    Empty "empty" 0 1 "Whether there is nothing.";
    And "and" 2 99 "Whether all hold.";
    Or "or" 2 99 "Whether any holds.";
    Not "not" 1 1 "The opposite.";
    Equal "equal" 2 2 "Whether both are the same.";
    Unequal "unequal" 2 2 "Whether they differ.";
    Now "now" 0 0 "This minute.";
    Today "today" 0 0 "This day.";
    DateBetween "dateBetween" 3 3 "Whole units from the second date to the first.";
    DateAdd "dateAdd" 3 3 "A later date.";
    DateSubtract "dateSubtract" 3 3 "An earlier date.";
    DateStart "dateStart" 1 1 "Where a range starts.";
    DateEnd "dateEnd" 1 1 "Where a range ends.";
    FormatDate "formatDate" 2 2 "A date as text.";
    ParseDate "parseDate" 1 1 "A date from text.";
    Timestamp "timestamp" 1 1 "Milliseconds since 1970.";
    FromTimestamp "fromTimestamp" 1 1 "A date from milliseconds.";
    Minute "minute" 1 1 "Minute of the hour.";
    Hour "hour" 1 1 "Hour of the day.";
    Day "day" 1 1 "Day of the week, from Monday.";
    DayOfMonth "date" 1 1 "Day of the month.";
    Week "week" 1 1 "Week of the year.";
    Month "month" 1 1 "Month of the year.";
    Year "year" 1 1 "The year.";
    Format "format" 1 1 "Anything as text.";
    ToNumber "toNumber" 1 1 "A number from anything.";
    Length "length" 1 1 "How long a text or list is.";
    Substring "substring" 2 3 "A part of a text.";
    Contains "contains" 2 2 "Whether a text holds another.";
    Includes "includes" 2 2 "Whether a list holds a value.";
    Replace "replace" 3 3 "The first occurrence replaced.";
    ReplaceAll "replaceAll" 3 3 "Every occurrence replaced.";
    Lower "lower" 1 1 "In lower case.";
    Upper "upper" 1 1 "In upper case.";
    Trim "trim" 1 1 "Without blanks at the ends.";
    Repeat "repeat" 2 2 "A text several times.";
    PadStart "padStart" 3 3 "Filled up on the left.";
    PadEnd "padEnd" 3 3 "Filled up on the right.";
    Split "split" 2 2 "A list from a text.";
    Join "join" 2 2 "A text from a list.";
    Concat "concat" 1 99 "Lists or texts, one after the other.";
    At "at" 2 2 "One item of a list.";
    First "first" 1 1 "The first item.";
    Last "last" 1 1 "The last item.";
    Style "style" 1 99 "A text; its look is not kept.";
    Abs "abs" 1 1 "Without the sign.";
    Ceil "ceil" 1 1 "Rounded up.";
    Floor "floor" 1 1 "Rounded down.";
    Round "round" 1 2 "Rounded.";
    Sqrt "sqrt" 1 1 "Square root.";
    Sign "sign" 1 1 "-1, 0 or 1.";
    Min "min" 1 99 "The smallest.";
    Max "max" 1 99 "The largest.";
    Sum "sum" 1 99 "The sum.";
    Mean "mean" 1 99 "The average.";
    Add "add" 2 2 "As `+`.";
    Subtract "subtract" 2 2 "As `-`.";
    Multiply "multiply" 2 2 "As `*`.";
    Divide "divide" 2 2 "As `/`.";
    Mod "mod" 2 2 "As `%`.";
    Pow "pow" 2 2 "As `^`.";
}
